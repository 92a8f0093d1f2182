"""Errors that the model of the Kinesis API documents, provoked one by one on a daemon as it comes: what is
not there, arguments that make no sense, broken forms, dry runs. Needs the Python package boto3.
"""

import re

from rig import equal
from kinesis_documented import (
    DRY, FORM, GONE, INVALID, KMS, METRICS, MISSING, ON_DEMAND, POLICY, RECORD, SHARD, UNDER,
)


def invalid(table, **rows):
    for operation, (message, request) in rows.items():
        table.refused(operation, INVALID, message, **request)


def not_there(table, arn, consumer):
    """Every operation on a stream or a consumer that does not exist."""
    nowhere, nobody = arn.replace("table", "nowhere"), consumer.replace("reader", "nobody")
    no_consumer = "Consumer nobody under stream table and account 000000000000 not found."
    no_shard = f"Shard {SHARD} in stream nowhere {UNDER} does not exist"
    for operation, request in {
        "AddTagsToStream": {"Tags": {"a": "b"}},
        "DecreaseStreamRetentionPeriod": {"RetentionPeriodHours": 24},
        "DeleteStream": {},
        "DescribeStream": {},
        "DescribeStreamSummary": {},
        "DisableEnhancedMonitoring": METRICS,
        "EnableEnhancedMonitoring": METRICS,
        "IncreaseStreamRetentionPeriod": {"RetentionPeriodHours": 24},
        "ListShards": {},
        "ListTagsForStream": {},
        "PutRecord": RECORD,
        "PutRecords": {"Records": [RECORD]},
        "MergeShards": {"ShardToMerge": SHARD, "AdjacentShardToMerge": SHARD},
        "RemoveTagsFromStream": {"TagKeys": ["a"]},
        "SplitShard": {"ShardToSplit": SHARD, "NewStartingHashKey": "9"},
        "StartStreamEncryption": KMS,
        "StopStreamEncryption": KMS,
        "UpdateShardCount": {"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"},
        "UpdateStreamWarmThroughput": {"WarmThroughputMiBps": 1},
    }.items():
        table.refused(operation, MISSING, GONE, StreamName="nowhere", **request)
        table.refused(operation, MISSING, GONE, StreamARN=nowhere, **request)
    for operation, request in {
        "ListStreamConsumers": {},
        "RegisterStreamConsumer": {"ConsumerName": "a"},
        "UpdateMaxRecordSize": {"MaxRecordSizeInKiB": 2048},
        "UpdateStreamMode": {"StreamModeDetails": ON_DEMAND},
        "UpdateStreamRecordDistributionStrategy": {"RecordDistributionStrategy": "AUTO"},
    }.items():
        table.refused(operation, MISSING, GONE, StreamARN=nowhere, **request)
    for operation, request in {
        "DeleteResourcePolicy": {},
        "GetResourcePolicy": {},
        "ListTagsForResource": {},
        "PutResourcePolicy": {"Policy": POLICY},
        "TagResource": {"Tags": {"a": "b"}},
        "UntagResource": {"TagKeys": ["a"]},
    }.items():
        table.refused(operation, MISSING, GONE, ResourceARN=nowhere, **request)
        table.refused(operation, MISSING, no_consumer, ResourceARN=nobody, **request)
    for operation, request in {
        "DeregisterStreamConsumer": {},
        "DescribeStreamConsumer": {},
        "SubscribeToShard": {"ShardId": SHARD, "StartingPosition": {"Type": "LATEST"}},
    }.items():
        table.refused(operation, MISSING, no_consumer, ConsumerARN=nobody, **request)
    iterator = {"ShardId": SHARD, "ShardIteratorType": "LATEST"}
    table.refused("GetShardIterator", MISSING, no_shard, StreamName="nowhere", **iterator)


def arguments(table, arn, consumer):
    """Arguments that keep the model and make no sense."""
    tags = re.compile("Failed to add tags to .* because some tags contained illegal characters.*")
    many = {f"key{number}": "" for number in range(51)}
    table.refused("AddTagsToStream", INVALID, re.compile(".*cannot have more than 50 tags.*"), StreamName="table", Tags=many)
    shard = {"StreamName": "table", "ShardId": SHARD}
    hours = "Maximum allowed retention period is 8760 hours. Requested retention period (9000 hours) is too long."
    few = "Minimum allowed retention period is 24 hours. Requested retention period (23 hours) is too short."
    both = "StreamARN, StreamId and StreamName of one request must name the same stream; these name table and other."
    other = {"StreamARN": arn, "StreamName": "other"}
    which_consumer = "Either ConsumerARN or both StreamARN and ConsumerName must be provided."
    invalid(
        table,
        AddTagsToStream=(tags, {"StreamName": "table", "Tags": {"a%": "b"}}),
        CreateStream=(tags, {"StreamName": "new", "ShardCount": 1, "Tags": {"a%": "b"}}),
        DecreaseStreamRetentionPeriod=(few, {"StreamName": "table", "RetentionPeriodHours": 23}),
        DeleteStream=(both, other),
        DescribeStream=(both, other),
        DescribeStreamSummary=(both, other),
        EnableEnhancedMonitoring=(both, other | METRICS),
        DisableEnhancedMonitoring=(both, other | METRICS),
        ListTagsForStream=(both, other),
        RemoveTagsFromStream=(both, other | {"TagKeys": ["a"]}),
        DeregisterStreamConsumer=(which_consumer, {"StreamARN": arn}),
        DescribeStreamConsumer=(which_consumer, {"ConsumerName": "reader"}),
        IncreaseStreamRetentionPeriod=(hours, {"StreamName": "table", "RetentionPeriodHours": 9000}),
        GetRecords=("Invalid ShardIterator.", {"ShardIterator": "nonsense"}),
        GetShardIterator=(
            "Must specify timestamp parameter for iterator of type AT_TIMESTAMP. Current request has no timestamp parameter.",
            shard | {"ShardIteratorType": "AT_TIMESTAMP"},
        ),
        ListShards=("NextToken and StreamName cannot be provided together.", {"StreamName": "table", "NextToken": "a"}),
        ListStreams=(
            "NextToken and ExclusiveStartStreamName cannot be provided together.",
            {"NextToken": "a", "ExclusiveStartStreamName": "b"},
        ),
        ListStreamConsumers=(re.compile("Invalid NextToken.*|NextToken .*"), {"StreamARN": arn, "NextToken": "nonsense"}),
        MergeShards=(
            f"Shards shardId-000000000001 and {SHARD} in stream table {UNDER} are not an adjacent pair of shards eligible for merging",
            {"StreamName": "table", "ShardToMerge": "shardId-000000000001", "AdjacentShardToMerge": SHARD},
        ),
        PutRecord=(
            "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was "
            + str(2**128),
            {"StreamName": "table", "ExplicitHashKey": str(2**128), **RECORD},
        ),
        PutRecords=(
            "Records size exceeds 10 MB limit",
            {"StreamName": "table", "Records": [{"PartitionKey": "a", "Data": bytes(1 << 20 - 1)}] * 21},
        ),
        PutResourcePolicy=(re.compile("The policy is no JSON object.*"), {"ResourceARN": arn, "Policy": "nonsense"}),
        RegisterStreamConsumer=(tags, {"StreamARN": arn, "ConsumerName": "new", "Tags": {"a%": "b"}}),
        SplitShard=(
            re.compile(
                rf"NewStartingHashKey 0 used in SplitShard\(\) on shard {SHARD} in stream table {UNDER} is not both .*"
            ),
            {"StreamName": "table", "ShardToSplit": SHARD, "NewStartingHashKey": "0"},
        ),
        StartStreamEncryption=("EncryptionType must be KMS.", {"StreamName": "table", **KMS, "EncryptionType": "NONE"}),
        StopStreamEncryption=("EncryptionType must be KMS.", {"StreamName": "table", **KMS, "EncryptionType": "NONE"}),
        SubscribeToShard=(
            re.compile("Must either specify .* Request specified AT_SEQUENCE_NUMBER and no StartingSequenceNumber."),
            {"ConsumerARN": consumer, "ShardId": SHARD, "StartingPosition": {"Type": "AT_SEQUENCE_NUMBER"}},
        ),
        TagResource=(tags, {"ResourceARN": consumer, "Tags": {"a%": "b"}}),
        UpdateShardCount=(
            "Target shard count must differ from the current open shard count: 2.",
            {"StreamName": "table", "TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"},
        ),
        UpdateStreamRecordDistributionStrategy=(
            re.compile(".*PROVISIONED.*"),
            {"StreamARN": arn, "RecordDistributionStrategy": "AUTO"},
        ),
    )
    other = table.service.describe_stream_summary(StreamName="demand")["StreamDescriptionSummary"]["StreamId"]
    which = "StreamARN, StreamId and StreamName of one request must name the same stream; these name table and demand."
    for operation, request in {
        "UpdateMaxRecordSize": {"MaxRecordSizeInKiB": 2048},
        "UpdateStreamMode": {"StreamModeDetails": ON_DEMAND},
        "UpdateStreamWarmThroughput": {"WarmThroughputMiBps": 1},
    }.items():
        table.refused(operation, INVALID, which, StreamARN=arn, StreamId=other, **request)


def forms(table):
    """Values that break the model where the model documents a ValidationException."""
    one = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must {}"
    arn = re.compile(one.format("x", "resourceARN", "satisfy regular expression pattern: .*"))
    choice = re.compile(one.format("x", ".*", r"satisfy enum value set: \[.*\]"))
    low = re.compile(one.format(r"-?\d+", ".*", r"have value greater than or equal to \d+"))
    for operation in ("DeleteResourcePolicy", "GetResourcePolicy", "ListTagsForResource"):
        table.refused(operation, FORM, arn, ResourceARN="x")
    table.refused("PutResourcePolicy", FORM, arn, ResourceARN="x", Policy=POLICY)
    table.refused("TagResource", FORM, arn, ResourceARN="x", Tags={"a": "b"})
    table.refused("UntagResource", FORM, arn, ResourceARN="x", TagKeys=["a"])
    table.refused("CreateStream", FORM, low, StreamName="new", ShardCount=0)
    table.refused("UpdateAccountSettings", FORM, choice, MinimumThroughputBillingCommitment={"Status": "x"})
    table.refused("UpdateMaxRecordSize", FORM, low, StreamARN=table.arn, MaxRecordSizeInKiB=1)
    table.refused("UpdateStreamMode", FORM, choice, StreamARN=table.arn, StreamModeDetails={"StreamMode": "x"})
    strategy = {"StreamARN": table.arn, "RecordDistributionStrategy": "x"}
    table.refused("UpdateStreamRecordDistributionStrategy", FORM, choice, **strategy)
    # What a stream's mode does not allow.
    table.refused(
        "UpdateStreamWarmThroughput", FORM, re.compile(".*PROVISIONED mode.*"), StreamName="table", WarmThroughputMiBps=1
    )
    by_hand = re.compile(f"Stream demand {UNDER} is in ON_DEMAND mode: .*")
    demand = {"StreamName": "demand"}
    table.refused("SplitShard", FORM, by_hand, **demand, ShardToSplit=SHARD, NewStartingHashKey="9")
    pair = {"ShardToMerge": SHARD, "AdjacentShardToMerge": "shardId-000000000001"}
    table.refused("MergeShards", FORM, by_hand, **demand, **pair)
    table.refused("UpdateShardCount", FORM, by_hand, **demand, TargetShardCount=2, ScalingType="UNIFORM_SCALING")


def dry_runs(table, consumer):
    """Requests that would be done are told so and not done."""
    text = "The request was rejected because the DryRun parameter was specified."
    dry = {"StreamName": "table", "DryRun": True}
    place = {"ShardId": SHARD, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = table.service.get_shard_iterator(StreamName="table", **place)["ShardIterator"]
    table.refused("PutRecord", DRY, text, **dry, **RECORD)
    table.refused("PutRecords", DRY, text, **dry, Records=[RECORD])
    table.refused("GetShardIterator", DRY, text, **dry, **place)
    table.refused("GetRecords", DRY, text, ShardIterator=iterator, DryRun=True)
    position = {"ConsumerARN": consumer, "ShardId": SHARD, "StartingPosition": {"Type": "LATEST"}}
    table.refused("SubscribeToShard", DRY, text, **position, DryRun=True)
    equal(table.service.get_records(ShardIterator=iterator)["Records"], [], "records after dry runs")
    table.refused(
        "GetRecords",
        MISSING,
        re.compile(f"Shard .* in stream gone {UNDER} does not exist"),
        ShardIterator=of_a_stream_that_goes(table),
    )


def of_a_stream_that_goes(table):
    table.service.create_stream(StreamName="gone", ShardCount=1)
    iterator = table.service.get_shard_iterator(StreamName="gone", ShardId=SHARD, ShardIteratorType="LATEST")[
        "ShardIterator"
    ]
    table.service.delete_stream(StreamName="gone")
    return iterator


def all_on_one(table):
    """All of these; gives tokens and an iterator for when they have expired."""
    service = table.service
    service.create_stream(StreamName="table", ShardCount=2)
    service.create_stream(StreamName="demand", StreamModeDetails=ON_DEMAND)
    table.arn = service.describe_stream(StreamName="table")["StreamDescription"]["StreamARN"]
    consumers = [
        service.register_stream_consumer(StreamARN=table.arn, ConsumerName=name)["Consumer"] for name in ("other", "reader")
    ]
    consumer = consumers[1]["ConsumerARN"]
    not_there(table, table.arn, consumer)
    arguments(table, table.arn, consumer)
    forms(table)
    dry_runs(table, consumer)
    return {
        "GetRecords": {
            "ShardIterator": service.get_shard_iterator(StreamName="table", ShardId="0", ShardIteratorType="LATEST")[
                "ShardIterator"
            ]
        },
        "ListShards": {"NextToken": service.list_shards(StreamName="table", MaxResults=1)["NextToken"]},
        "ListStreams": {"NextToken": service.list_streams(Limit=1)["NextToken"]},
        "ListStreamConsumers": {
            "StreamARN": table.arn,
            "NextToken": service.list_stream_consumers(StreamARN=table.arn, MaxResults=1)["NextToken"],
        },
    }
