"""Errors of the Kinesis API that come of the state of a stream, of limits, and of time that has passed. Needs
the Python package boto3.
"""

import re

import rig
from rig import equal
from kinesis_documented import (
    COMMITMENT, IN_USE, KMS, LIMIT, METRICS, MISSING, ON_DEMAND, PROVISIONED, RECORD, SHARD, UNDER,
)

COUNTED = {"CAUDAL__AWS__KINESIS__LIMITS": "true"}
SLOW = {f"CAUDAL__AWS__KINESIS__{name}_DELAY": "600s" for name in ("CREATE", "UPDATE", "DELETE", "CONSUMER")}
NARROW = {
    f"CAUDAL__AWS__KINESIS__{name}": value
    for name, value in {
        "SHARD_LIMIT": "5",
        "ON_DEMAND_STREAM_LIMIT": "1",
        "CONSUMER_LIMIT": "1",
        "SCALINGS_PER_DAY": "1",
        "MODE_SWITCHES_PER_DAY": "1",
    }.items()
}


def rates(table):
    """What goes beyond the limits of a shard, where they are switched on."""
    table.service.create_stream(StreamName="narrow", ShardCount=1, Tags={"caudal:limits": "on"})
    exceeded = f"Rate exceeded for shard {SHARD} in stream narrow {UNDER}."
    code = "ProvisionedThroughputExceededException"
    large = {"PartitionKey": "a", "Data": bytes(1_000_000)}
    table.until_refused("PutRecord", code, exceeded, StreamName="narrow", **large)
    put = table.service.put_records(StreamName="narrow", Records=[large] * 3)
    equal(
        [put["Records"][2].get(name) for name in ("ErrorCode", "ErrorMessage")],
        [code, exceeded],
        "the third of 3 MB at once",
    )
    equal(put["FailedRecordCount"], sum("ErrorCode" in told for told in put["Records"]), "failed records")
    table.seen.add(("PutRecords", code))
    iterator = table.service.get_shard_iterator(StreamName="narrow", ShardId=SHARD, ShardIteratorType="LATEST")[
        "ShardIterator"
    ]
    table.until_refused("GetRecords", code, exceeded, ShardIterator=iterator)


def states(table):
    """On a daemon where every stream and consumer stays CREATING."""
    table.service.create_stream(StreamName="table", ShardCount=2)
    table.service.create_stream(StreamName="demand", StreamModeDetails=ON_DEMAND)
    table.service.update_account_settings(**COMMITMENT)
    arn = table.service.describe_stream_summary(StreamName="table")["StreamDescriptionSummary"]["StreamARN"]
    consumer = table.service.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]
    equal(consumer["ConsumerStatus"], "CREATING", "the consumer")
    state = "{} not ACTIVE, instead in state CREATING"
    of_table, of_demand = (f"Stream {state.format(f'{name} {UNDER}')}" for name in ("table", "demand"))
    for operation, request in {
        "DecreaseStreamRetentionPeriod": {"RetentionPeriodHours": 24},
        "IncreaseStreamRetentionPeriod": {"RetentionPeriodHours": 24},
        "DisableEnhancedMonitoring": METRICS,
        "EnableEnhancedMonitoring": METRICS,
        "ListShards": {},
        "MergeShards": {"ShardToMerge": SHARD, "AdjacentShardToMerge": "shardId-000000000001"},
        "SplitShard": {"ShardToSplit": SHARD, "NewStartingHashKey": "9"},
        "StartStreamEncryption": KMS,
        "StopStreamEncryption": KMS,
        "UpdateShardCount": {"TargetShardCount": 3, "ScalingType": "UNIFORM_SCALING"},
    }.items():
        table.refused(operation, IN_USE, of_table, StreamName="table", **request)
    table.refused("UpdateMaxRecordSize", IN_USE, of_table, StreamARN=arn, MaxRecordSizeInKiB=2048)
    table.refused("UpdateStreamMode", IN_USE, of_table, StreamARN=arn, StreamModeDetails=ON_DEMAND)
    demand = {"StreamARN": arn.replace("table", "demand")}
    table.refused("UpdateStreamRecordDistributionStrategy", IN_USE, of_demand, **demand, RecordDistributionStrategy="AUTO")
    table.refused("UpdateStreamWarmThroughput", IN_USE, of_demand, **demand, WarmThroughputMiBps=8)
    named = "Consumer reader under stream table already exists for account 000000000000."
    table.refused("RegisterStreamConsumer", IN_USE, named, StreamARN=arn, ConsumerName="reader")
    table.refused("CreateStream", IN_USE, f"Stream table {UNDER} already exists.", StreamName="table", ShardCount=1)
    position = {"ShardId": SHARD, "StartingPosition": {"Type": "LATEST"}}
    under = "under stream table and account 000000000000"
    inactive = re.compile(rf"Consumer reader with creation timestamp \d+ {under} is not in ACTIVE status.")
    table.refused("SubscribeToShard", IN_USE, inactive, ConsumerARN=consumer["ConsumerARN"], **position)
    # A stream that is being made can be neither written nor read.
    table.refused("PutRecord", MISSING, f"Stream table {UNDER} not found.", StreamName="table", **RECORD)
    table.refused(
        "DeleteStream", IN_USE, re.compile("DeleteStream can't delete .* because there are consumers.*"), StreamName="table"
    )


def limits(table):
    """On a daemon with small limits."""
    scale = {"StreamName": "table", "ScalingType": "UNIFORM_SCALING"}
    table.service.create_stream(StreamName="table", ShardCount=2)
    arn = table.service.describe_stream_summary(StreamName="table")["StreamDescriptionSummary"]["StreamARN"]
    shards = re.compile(
        "This request would exceed the shard limit for the account 000000000000 in us-east-1. Current shard count for the "
        "account: 3. Limit: 5. Number of additional shards that would have resulted from this request: 3. .*"
    )
    table.refused("CreateStream", LIMIT, shards, StreamName="more", ShardCount=3)
    over = "UpdateShardCount cannot scale up over double your current open shard count."
    over += " Current open shard count: 2, Target shard count: 5"
    table.refused("UpdateShardCount", LIMIT, over, **scale, TargetShardCount=5)
    table.service.update_shard_count(**scale, TargetShardCount=4)
    again = re.compile(".*table was scaled 1 times within a day, which is the limit")
    table.refused("UpdateShardCount", LIMIT, again, **scale, TargetShardCount=2)
    full = re.compile("This request would exceed the shard limit .* from this request: 1. .*")
    table.refused(
        "SplitShard", LIMIT, full, StreamName="table", ShardToSplit="shardId-000000000002", NewStartingHashKey=str(2**125)
    )
    table.service.create_stream(StreamName="demand", StreamModeDetails=ON_DEMAND)
    table.refused(
        "CreateStream",
        LIMIT,
        re.compile(".*has 1 on-demand streams.*which is the limit"),
        StreamName="more",
        StreamModeDetails=ON_DEMAND,
    )
    table.service.register_stream_consumer(StreamARN=arn, ConsumerName="one")
    table.refused(
        "RegisterStreamConsumer",
        LIMIT,
        f"Stream table {UNDER} has reached the limit of 1 registered consumers.",
        StreamARN=arn,
        ConsumerName="two",
    )
    table.service.update_account_settings(**COMMITMENT)
    warm = re.compile(".*WarmThroughputMiBps 10241.*limit.*")
    table.refused("UpdateStreamWarmThroughput", LIMIT, warm, StreamName="demand", WarmThroughputMiBps=10_241)
    table.service.update_stream_mode(StreamARN=arn, StreamModeDetails=ON_DEMAND)
    switched = re.compile(".*was switched between modes 1 times within a day, which is the limit")
    table.refused("UpdateStreamMode", LIMIT, switched, StreamARN=arn, StreamModeDetails=PROVISIONED)


def calls(table, hand):
    """On a daemon that counts calls: each goes beyond its rate, whether or not it names what is there."""
    nowhere, arn = {"StreamName": "nowhere"}, "arn:aws:kinesis:us-east-1:000000000000:stream/nowhere"
    hours, metrics = nowhere | {"RetentionPeriodHours": 24}, nowhere | METRICS
    consumer = {"StreamARN": arn, "ConsumerName": "nobody"}
    for operation, request in {
        "AddTagsToStream": nowhere | {"Tags": {"a": "b"}}, "CreateStream": nowhere | {"ShardCount": 100_000},
        "DecreaseStreamRetentionPeriod": hours, "DeleteStream": nowhere, "DeregisterStreamConsumer": consumer,
        "DescribeLimits": {}, "DescribeStream": nowhere, "DescribeStreamConsumer": consumer, "DescribeStreamSummary": nowhere,
        "DisableEnhancedMonitoring": metrics, "EnableEnhancedMonitoring": metrics, "IncreaseStreamRetentionPeriod": hours,
        "ListStreamConsumers": {"StreamARN": arn}, "ListStreams": {}, "ListTagsForStream": nowhere,
        "MergeShards": nowhere | {"ShardToMerge": "0", "AdjacentShardToMerge": "1"}, "RegisterStreamConsumer": consumer,
        "RemoveTagsFromStream": nowhere | {"TagKeys": ["a"]},
        "SplitShard": nowhere | {"ShardToSplit": "0", "NewStartingHashKey": "9"},
    }.items():
        table.seen.add((operation, beyond(hand, operation, request)))


def beyond(hand, operation, request):
    """Calls until the rate is used up, however slow this machine is."""
    for _ in range(500):
        status, _, answer = hand.post(operation, request)
        if answer.get("message", "").startswith(f"Rate exceeded for {operation} "):
            equal((status, answer["__type"]), (400, LIMIT), f"{operation} called too often")
            return LIMIT
    raise rig.Lost(f"{operation} can be called as often as one likes")


def expired(table, requests):
    """After five minutes, on a daemon whose clock is ahead."""
    times = re.compile(
        r"Iterator expired. The iterator was created at time \w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4} while right now it is "
        r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4} which is further in the future than the tolerated delay of 300000 milliseconds."
    )
    table.refused("GetRecords", "ExpiredIteratorException", times, **requests.pop("GetRecords"))
    for operation, request in requests.items():
        table.refused(operation, "ExpiredNextTokenException", re.compile(".*"), **request)
