//! Object stores by address: folders of this machine, flushed before anything relies on them and verified
//! when they are read, and S3.

mod checksums;
mod durable_files;
mod open;
mod publish;
mod sealing;
mod survey;
mod upload;
mod verified;
mod verified_reads;

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::corruption::{Mutation, mutate, mutations};

pub use durable_files::DurableFiles;
pub use open::{OpenedStore, StoreError, check_address, local_folder, open_store};
pub use sealing::{replace_file, seal, set_aside};
pub use survey::{Survey, Surveyed, survey};
pub use verified::{Damage, read_file};
