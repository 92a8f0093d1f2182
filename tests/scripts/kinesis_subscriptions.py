"""Rules of SubscribeToShard: where it begins, what its events say, and how it ends. Needs the Python package
boto3.
"""

import datetime
import time

import rig
from botocore.exceptions import EventStreamError
from kinesis_boto3 import refused
from rig import equal

SHARD = "shardId-000000000000"
STREAM = "followed"


def subscribe(service, consumer, kind, **where):
    position = {"Type": kind, **where}
    opened = service.subscribe_to_shard(ConsumerARN=consumer, ShardId="0", StartingPosition=position)
    return opened["EventStream"]


def datas(stream, count):
    """The data of so many records, and the last event."""
    found = []
    for event in stream:
        told = event["SubscribeToShardEvent"]
        found += [record["Data"] for record in told["Records"]]
        if len(found) >= count:
            return found, told
    raise rig.Lost(f"the subscription ended after {len(found)} of {count} records")


def ending(stream):
    """The events that are left, and the error that ends them."""
    events = []
    try:
        for event in stream:
            events.append(event["SubscribeToShardEvent"])
    except EventStreamError as error:
        return events, (error.response["Error"]["Code"], error.response["Error"]["Message"])
    return events, None


def places(service, arn):
    """All ways to begin, each with a consumer of its own: a consumer subscribes to a shard once in five seconds."""
    first = datetime.datetime.now(datetime.timezone.utc)
    put = [
        service.put_record(StreamName=STREAM, PartitionKey="a", ExplicitHashKey="0", Data=b"%d" % place)["SequenceNumber"]
        for place in range(10)
    ]
    every = [b"%d" % place for place in range(10)]
    for place, (kind, where, expected) in enumerate((
        ("TRIM_HORIZON", {}, every), ("AT_SEQUENCE_NUMBER", {"SequenceNumber": put[3]}, every[3:]),
        ("AFTER_SEQUENCE_NUMBER", {"SequenceNumber": put[3]}, every[4:]), ("AT_TIMESTAMP", {"Timestamp": first - datetime.timedelta(minutes=1)}, every),
    )):
        made = service.register_stream_consumer(StreamARN=arn, ConsumerName=f"begins-{place}")["Consumer"]
        stream = subscribe(service, made["ConsumerARN"], kind, **where)
        found, last = datas(stream, len(expected))
        equal(found, expected, f"records from {kind}")
        equal((last["ContinuationSequenceNumber"], last["MillisBehindLatest"]), (put[-1], 0), "the last event")
        stream.close()
        service.deregister_stream_consumer(ConsumerARN=made["ConsumerARN"])
    return put


def takeover(service, consumer):
    """A second subscription is refused for five seconds, then it takes the first one's place."""
    first = subscribe(service, consumer, "LATEST")
    begun = time.monotonic()
    request = {"ConsumerARN": consumer, "ShardId": SHARD, "StartingPosition": {"Type": "LATEST"}}
    another = f"Another active subscription exists for this consumer: 000000000000:{STREAM}:{SHARD}:lab"
    try:
        equal(refused("ResourceInUseException", service.subscribe_to_shard, **request), another, "the refusal")
    except rig.Lost:
        # A machine may take longer than that to ask twice.
        if time.monotonic() - begun < 5:
            raise
    time.sleep(5.2)
    second = subscribe(service, consumer, "LATEST")
    equal(ending(first)[1], ("ResourceInUseException", another), "the end of the first")
    return second


def ends(service, arn, consumer, stream, put):
    """At the end of a closed shard its children are told; a consumer that is deregistered is told so."""
    datas(stream, 0)
    service.split_shard(StreamName=STREAM, ShardToSplit="0", NewStartingHashKey="1000")
    events, error = ending(stream)
    equal(error, None, "the end of the shard")
    children = [(child["ShardId"], child["ParentShards"]) for child in events[-1]["ChildShards"]]
    equal(children, [("shardId-000000000001", [SHARD]), ("shardId-000000000002", [SHARD])], "its children")
    equal("ContinuationSequenceNumber" in events[-1], False, "a continuation after the end")
    request = {"ShardId": "1", "StartingPosition": {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": put[-1]}}
    refused("InvalidArgumentException", service.subscribe_to_shard, ConsumerARN=consumer, **request)
    request["StartingPosition"] = {"Type": "TRIM_HORIZON"}
    stream = service.subscribe_to_shard(ConsumerARN=consumer, **request)["EventStream"]
    service.put_record(StreamName=STREAM, PartitionKey="a", ExplicitHashKey="0", Data=b"of a child")
    equal(datas(stream, 1)[0], [b"of a child"], "a record of a child")
    service.deregister_stream_consumer(ConsumerARN=consumer)
    equal(ending(stream)[1][0], "ResourceNotFoundException", "the end of a consumer")


def every(service):
    service.create_stream(StreamName=STREAM, ShardCount=1)
    arn = service.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    put = places(service, arn)
    consumer = service.register_stream_consumer(StreamARN=arn, ConsumerName="lab")["Consumer"]["ConsumerARN"]
    stream = takeover(service, consumer)
    ends(service, arn, consumer, stream, put)
    service.delete_stream(StreamName=STREAM)
