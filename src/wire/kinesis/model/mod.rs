//! What requests may hold: the inputs of the service model of 2013-12-02, as botocore 1.44 ships it.
//!
//! Members stand in the order in which AWS tells their violations, where a recorded answer shows it.
//! The patterns of hash keys and sequence numbers are shown as AWS answers them: without anchors.

mod consumers;
mod policies;
mod records;
mod settings;
mod shards;
mod streams;
mod tags;

use crate::wire::{
    Operation,
    protocol::{Length, Member, Pattern, Range, Shape, Structure, Text},
};

/// All operations but those of channels and of queues on a stream.
pub static OPERATIONS: [Operation; 40] = [
    operation("AddTagsToStream", &tags::ADD_TO_STREAM),
    operation("CreateStream", &streams::CREATE),
    operation("DecreaseStreamRetentionPeriod", &settings::DECREASE_RETENTION),
    operation("DeleteResourcePolicy", &policies::DELETE),
    operation("DeleteStream", &streams::DELETE),
    operation("DeregisterStreamConsumer", &consumers::DEREGISTER),
    operation("DescribeAccountSettings", &settings::DESCRIBE_ACCOUNT),
    operation("DescribeLimits", &settings::DESCRIBE_LIMITS),
    operation("DescribeStream", &streams::DESCRIBE),
    operation("DescribeStreamConsumer", &consumers::DESCRIBE),
    operation("DescribeStreamSummary", &streams::DESCRIBE_SUMMARY),
    operation("DisableEnhancedMonitoring", &settings::DISABLE_MONITORING),
    operation("EnableEnhancedMonitoring", &settings::ENABLE_MONITORING),
    operation("GetRecords", &records::GET_RECORDS),
    operation("GetResourcePolicy", &policies::GET),
    operation("GetShardIterator", &records::GET_SHARD_ITERATOR),
    operation("IncreaseStreamRetentionPeriod", &settings::INCREASE_RETENTION),
    operation("ListShards", &shards::LIST),
    operation("ListStreamConsumers", &consumers::LIST),
    operation("ListStreams", &streams::LIST),
    operation("ListTagsForResource", &tags::LIST_FOR_RESOURCE),
    operation("ListTagsForStream", &tags::LIST_FOR_STREAM),
    operation("MergeShards", &shards::MERGE),
    operation("PutRecord", &records::PUT_RECORD),
    operation("PutRecords", &records::PUT_RECORDS),
    operation("PutResourcePolicy", &policies::PUT),
    operation("RegisterStreamConsumer", &consumers::REGISTER),
    operation("RemoveTagsFromStream", &tags::REMOVE_FROM_STREAM),
    operation("SplitShard", &shards::SPLIT),
    operation("StartStreamEncryption", &settings::START_ENCRYPTION),
    operation("StopStreamEncryption", &settings::STOP_ENCRYPTION),
    operation("SubscribeToShard", &records::SUBSCRIBE_TO_SHARD),
    operation("TagResource", &tags::TAG_RESOURCE),
    operation("UntagResource", &tags::UNTAG_RESOURCE),
    operation("UpdateAccountSettings", &settings::UPDATE_ACCOUNT),
    operation("UpdateMaxRecordSize", &settings::UPDATE_MAX_RECORD_SIZE),
    operation("UpdateShardCount", &shards::UPDATE_COUNT),
    operation("UpdateStreamMode", &settings::UPDATE_MODE),
    operation("UpdateStreamRecordDistributionStrategy", &settings::UPDATE_DISTRIBUTION),
    operation("UpdateStreamWarmThroughput", &settings::UPDATE_WARM_THROUGHPUT),
];

const fn operation(name: &'static str, input: &'static Structure) -> Operation {
    Operation { name, input }
}

static NAME: Pattern = Pattern::new("[a-zA-Z0-9_.-]+");
static STREAM_ARN_PATTERN: Pattern = Pattern::new(r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+");
static STREAM_ID_PATTERN: Pattern = Pattern::new("[a-z0-9]{20}-[a-z0-9]{3}");
static CONSUMER_ARN_PATTERN: Pattern = Pattern::new(
    r"^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/[a-zA-Z0-9_.-]+\/consumer\/[a-zA-Z0-9_.-]+:[0-9]+",
);
static RESOURCE_ARN_PATTERN: Pattern =
    Pattern::new(r"arn:aws.*:kinesis:.*:\d{12}:.*(stream|channel|queue)/\S+");
static HASH_KEY_PATTERN: Pattern = Pattern::new(r"0|([1-9]\d{0,38})");
static SEQUENCE_NUMBER_PATTERN: Pattern = Pattern::new(r"0|([1-9]\d{0,128})");

/// A name of a stream, shard or consumer.
const NAMED: Shape = Shape::Text(Text::ANY.length(1, 128).pattern(&NAME));
const HASH_KEY: Shape = Shape::Text(Text::ANY.pattern(&HASH_KEY_PATTERN));
const SEQUENCE_NUMBER: Shape = Shape::Text(Text::ANY.pattern(&SEQUENCE_NUMBER_PATTERN));
const ARN: Shape = Shape::Text(Text::ANY.length(1, 2048).pattern(&STREAM_ARN_PATTERN));
const CONSUMER: Shape = Shape::Text(Text::ANY.length(1, 2048).pattern(&CONSUMER_ARN_PATTERN));
const RESOURCE: Shape = Shape::Text(Text::ANY.length(1, 2048).pattern(&RESOURCE_ARN_PATTERN));
const ID: Shape = Shape::Text(Text::ANY.length(1, 24).pattern(&STREAM_ID_PATTERN));
/// How many results a page may have.
const PAGE: Shape = Shape::Integer(Range::between(1, 10_000));
const NEXT_TOKEN: Shape = Shape::Text(Text::ANY.length(1, 1_048_576));
const ITERATOR_TYPE: Shape =
    Shape::one_of(&["AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"]);

/// AWS tells of a stream that is not named as of its missing name.
const STREAM_NAME: Member = Member::required_unless("StreamName", NAMED, &["StreamARN", "StreamId"]);
const STREAM_ARN: Member = Member::optional("StreamARN", ARN);
const STREAM_ID: Member = Member::optional("StreamId", ID);
const DRY_RUN: Member = Member::optional("DryRun", Shape::Boolean);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_there_once_and_in_order() {
        assert!(OPERATIONS.windows(2).all(|pair| pair[0].name < pair[1].name));
    }

    #[test]
    fn every_way_to_name_a_stream_is_taken_wherever_a_name_is() {
        for operation in &OPERATIONS {
            let has = |name: &str| operation.input.members.iter().any(|member| member.name == name);
            let makes_or_lists = ["CreateStream", "ListStreams"].contains(&operation.name);
            if has("StreamName") && !makes_or_lists {
                assert!(has("StreamARN") && has("StreamId"), "{}", operation.name);
            }
        }
    }
}
