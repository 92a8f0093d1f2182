//! Streams: durable shards by hash of the partition key, read by any number of readers.

mod reader;
mod section;
mod shard;
mod stage;
#[expect(clippy::module_inception, reason = "the folder is the kind of node, the file is the stream itself")]
mod stream;
mod throttle;

pub use reader::ShardReader;
pub use section::{Limits, StreamSection};
pub use shard::{Shard, hash_key};
pub use stage::StreamStage;
pub use stream::{Stream, StreamError};
pub use throttle::Throttled;

#[cfg(test)]
mod tests;
