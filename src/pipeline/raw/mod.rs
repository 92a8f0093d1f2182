//! Raw objects: the datum as it came, in files named for the records they hold.

mod columns;
mod draft;
mod encode;
mod examine;
mod journal;
mod object;
mod progress;
mod put;
mod section;
mod stage;
mod template;
mod writer;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::encode_payloads;

pub use encode::{EncodeError, Encoder};
pub use examine::check_compressed;
pub use object::{Intent, object_path, object_pattern, ranged};
pub use section::{Format, RawSection, Roll};
pub use stage::{RawError, RawStage};
pub use template::{PathTemplate, TemplateError, shard_name};
