//! Streams: durable shards by hash of the partition key, read by any number of readers.

mod appending;
mod defining;
mod definition;
pub mod directory;
mod following;
mod layout;
mod lifetimes;
mod pages;
mod reader;
mod reshaping;
mod resharding;
mod section;
mod shard;
mod stage;
#[expect(clippy::module_inception, reason = "the folder is the kind of node, the file is the stream itself")]
mod stream;
mod terms;
mod throttle;

pub use appending::{Incoming, MOST_ROUTES, Placed};
pub use definition::DefinedShard;
pub use following::has_passed;
pub use layout::Layout;
pub use lifetimes::OpenDuring;
pub use reader::ShardReader;
pub use reshaping::ReshapeError;
pub use resharding::ReshardError;
pub use section::{Limits, StreamSection};
pub use shard::{Shard, hash_key};
pub use stage::StreamStage;
pub use stream::{Stream, StreamError};
pub use terms::Overrides;
pub use throttle::Throttled;

#[cfg(test)]
mod resharding_tests;
#[cfg(test)]
mod tests;
