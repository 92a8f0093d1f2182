"""Rules and limits of the Kinesis API in which other servers than Amazon's differ: names, shapes of requests,
counts and sizes, sequence numbers, plans of scaling. Needs the Python packages boto3 and cbor2.
"""

import datetime
import re

import kinesis_cbor
import rig
from kinesis_boto3 import read_shard, refused
from rig import equal

UNDER = "under account 000000000000"
SHARD = "shardId-000000000000"
MIB = 1 << 20
UNIFORM = {"ScalingType": "UNIFORM_SCALING"}
NULL = "Value null at '{}' failed to satisfy constraint: Member must not be null"
# What each operation that takes a StreamName is asked besides, at a stream of two shards.
NAMED = {
    "AddTagsToStream": {"Tags": {"a": "b"}},
    "DescribeStream": {},
    "DescribeStreamSummary": {},
    "DisableEnhancedMonitoring": {"ShardLevelMetrics": ["ALL"]},
    "EnableEnhancedMonitoring": {"ShardLevelMetrics": ["ALL"]},
    "DecreaseStreamRetentionPeriod": {"RetentionPeriodHours": 24},
    "IncreaseStreamRetentionPeriod": {"RetentionPeriodHours": 24},
    "GetShardIterator": {"ShardId": SHARD, "ShardIteratorType": "LATEST"},
    "ListShards": {},
    "ListTagsForStream": {},
    "PutRecord": {"PartitionKey": "a", "Data": b""},
    "PutRecords": {"Records": [{"PartitionKey": "a", "Data": b""}]},
    "RemoveTagsFromStream": {"TagKeys": ["a"]},
    "StartStreamEncryption": {"EncryptionType": "KMS", "KeyId": "a"},
    "StopStreamEncryption": {"EncryptionType": "KMS", "KeyId": "a"},
    "MergeShards": {"ShardToMerge": "0", "AdjacentShardToMerge": "1"},
    "SplitShard": {"ShardToSplit": "0", "NewStartingHashKey": "1000"},
    "UpdateShardCount": {"TargetShardCount": 3, **UNIFORM},
    "DeleteStream": {},
    "UpdateStreamWarmThroughput": {"WarmThroughputMiBps": 6},
}


def method(service, operation):
    names = {operation: name for name, operation in service.client.meta.method_to_api_mapping.items()}
    return getattr(service, names[operation])


def operations(service):
    model = service.client.meta.service_model
    names = [name for name in model.operation_names if "Queue" not in name and "Channel" not in name]
    return {name: model.operation_model(name).input_shape for name in names}


def names(service):
    """StreamARN and StreamId wherever StreamName is accepted."""
    wanted = {
        name
        for name, shape in operations(service).items()
        if shape is not None and "StreamName" in shape.members and name not in ("CreateStream", "ListStreams")
    }
    equal(set(NAMED), wanted, "operations that take the name of a stream")
    service.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    for operation, request in NAMED.items():
        told = []
        for kind in ("StreamName", "StreamARN", "StreamId"):
            if operation == "UpdateStreamWarmThroughput":
                service.create_stream(StreamName="named", StreamModeDetails={"StreamMode": "ON_DEMAND"})
            else:
                service.create_stream(StreamName="named", ShardCount=2)
            summary = service.describe_stream_summary(StreamName="named")["StreamDescriptionSummary"]
            answer = method(service, operation)(**{kind: summary[kind]}, **request)
            told.append(sorted(name for name in answer if name != "ResponseMetadata"))
            if operation != "DeleteStream":
                service.delete_stream(StreamName="named")
        equal(told[1:], told[:1] * 2, f"answers of {operation} to a name, an ARN and an id")


def plans(service):
    """UpdateShardCount goes by splits and merges of its own, and leaves so many shards in all."""
    for name, steps, left in (("up", [4, 5], 15), ("tens", [10, 13], 37), ("down", [5, 3], 7), ("far", [10, 5, 3], 17)):
        service.create_stream(StreamName=name, ShardCount=steps[0])
        for target in steps[1:]:
            service.update_shard_count(StreamName=name, TargetShardCount=target, **UNIFORM)
        shards = service.list_shards(StreamName=name)["Shards"]
        equal(len(shards), left, f"shards in all after {steps}")
        opened = service.list_shards(StreamName=name, ShardFilter={"Type": "AT_LATEST"})["Shards"]
        ranges = sorted(
            [int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey")] for shard in opened
        )
        equal([ranges[0][0], ranges[-1][1]], [0, 2**128 - 1], "all hashes")
        equal([last + 1 for _, last in ranges[:-1]], [first for first, _ in ranges[1:]], "ranges side by side")
        sizes = [last - first for first, last in ranges]
        if max(sizes) > 2.1 * min(sizes):
            raise rig.Lost(f"a shard of {name} is more than twice as large as another: {sizes}")
        if name != "up":
            service.delete_stream(StreamName=name)
    down = "UpdateShardCount cannot scale down below half your current open shard count."
    told = refused("LimitExceededException", service.update_shard_count, StreamName="up", TargetShardCount=2, **UNIFORM)
    equal(told, f"{down} Current open shard count: 5, Target shard count: 2", "the refusal")


def short_names(service):
    """A shard by its number, and where its line goes."""
    service.create_stream(StreamName="short", ShardCount=2)
    service.put_record(StreamName="short", PartitionKey="a", ExplicitHashKey="0", Data=b"early")
    for name in ("0", "shardId-0", "shardId-00", SHARD):
        records, _ = read_shard(service, "short", name)
        equal([record["Data"] for record in records], [b"early"], f"records of {name}")
    first = service.list_shards(StreamName="short", ExclusiveStartShardId="0")["Shards"][0]["ShardId"]
    equal(first, "shardId-000000000001", "the shard after 0")
    service.split_shard(StreamName="short", ShardToSplit="0", NewStartingHashKey="1000")
    service.merge_shards(StreamName="short", ShardToMerge="shardId-3", AdjacentShardToMerge="1")
    merged = service.list_shards(StreamName="short")["Shards"][-1]
    parents = merged["ParentShardId"], merged["AdjacentParentShardId"]
    equal(parents, ("shardId-000000000003", "shardId-000000000001"), "parents of the merged shard")
    records, last = read_shard(service, "short", "0")
    equal((len(records), last.get("NextShardIterator")), (1, None), "the closed shard and its end")
    children = [(child["ShardId"], child["ParentShards"]) for child in last["ChildShards"]]
    equal(children, [("shardId-000000000002", [SHARD]), ("shardId-000000000003", [SHARD])], "its children")
    gone = refused(
        "ResourceNotFoundException", service.split_shard, StreamName="short", ShardToSplit="9", NewStartingHashKey="9"
    )
    equal(gone, f"Could not find shard shardId-000000000009 in stream short {UNDER}.", "a shard that is not there")


def numbers(service):
    """Sequence numbers: 56 digits in the order of the records, and what is refused."""
    service.create_stream(StreamName="numbers", ShardCount=2)
    before, found = "0", []
    for place in range(20):
        ordering = {"SequenceNumberForOrdering": before} if place else {}
        put = service.put_record(StreamName="numbers", PartitionKey="a", ExplicitHashKey="0", Data=b"x", **ordering)
        before = put["SequenceNumber"]
        found.append(before)
    equal((sorted(set(found), key=int), {len(number) for number in found}), (found, {56}), "numbers")
    start = service.list_shards(StreamName="numbers")["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"]
    equal((len(start), int(start) < int(found[0])), (56, True), "the shard's first number")
    for kind, number, left in (("AT", found[5], 15), ("AFTER", found[5], 14), ("AT", start, 20), ("AFTER", start, 20)):
        records, _ = read_shard(service, "numbers", "0", f"{kind}_SEQUENCE_NUMBER", StartingSequenceNumber=number)
        equal(len(records), left, f"records {kind} a number")
    place = {"StreamName": "numbers", "ShardIteratorType": "AT_SEQUENCE_NUMBER"}
    message = refused(
        "InvalidArgumentException", service.get_shard_iterator, ShardId="1", StartingSequenceNumber=found[0], **place
    )
    equal(
        message,
        f"Invalid StartingSequenceNumber. It encodes {SHARD}, while it was used in a call to a shard with "
        "shardId-000000000001",
        "a number of another shard",
    )
    used = f"StartingSequenceNumber {{}} used in GetShardIterator on shard {SHARD} in stream numbers {UNDER} is invalid{{}}."
    ones = "1" * 56
    message = refused(
        "InvalidArgumentException", service.get_shard_iterator, ShardId="0", StartingSequenceNumber=ones, **place
    )
    equal(message, used.format(ones, ""), "a malformed number")
    late = str(int(found[0]) + (1000000 << 36))
    record = {"StreamName": "numbers", "PartitionKey": "a", "Data": b"", "SequenceNumberForOrdering": late}
    message = refused("InvalidArgumentException", service.put_record, **record)
    equal(
        message,
        f"ExclusiveMinimumSequenceNumber {late} used in PutRecord on stream numbers {UNDER} is invalid.",
        "a number to come",
    )


def iterators(service):
    """Iterators with or without quotes; contradictions; times to come."""
    place = {"StreamName": "numbers", "ShardId": "0"}
    iterator = service.get_shard_iterator(**place, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    for text in (iterator, f'"{iterator}"'):
        equal(len(service.get_records(ShardIterator=text, Limit=7)["Records"]), 7, "records by an iterator")
    for text in ("", '"', iterator[:-4], iterator[:-8] + "AAAAAAA="):
        if text:
            equal(
                refused("InvalidArgumentException", service.get_records, ShardIterator=text),
                "Invalid ShardIterator.",
                "what is none",
            )
    rule = (
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) TRIM_HORIZON "
        "or LATEST and no StartingSequenceNumber. Request specified LATEST and also a StartingSequenceNumber."
    )
    request = place | {"ShardIteratorType": "LATEST", "StartingSequenceNumber": "5"}
    equal(refused("InvalidArgumentException", service.get_shard_iterator, **request), rule, "the rule")
    hour = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    later = place | {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": hour}
    message = refused("InvalidArgumentException", service.get_shard_iterator, **later)
    times = r"timestampInMillis: \d+, currentTimestampInMillis: \d+"
    rule = r"The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. "
    if not re.fullmatch(rule + times, message):
        raise rig.Lost(f"both times are missing: {message}")


def violations(hand):
    """All violations of one request in one message, in Amazon's order, with its rendering of values."""
    pattern = "Member must satisfy regular expression pattern: "
    short = "Member must have length greater than or equal to 1"
    name, number = r"[a-zA-Z0-9_.-]+", r"0|([1-9]\d{0,128})"
    kinds = "AFTER_SEQUENCE_NUMBER, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER, TRIM_HORIZON"
    at = "Value '' at '{}' failed to satisfy constraint: {}"
    six = [
        at.format("shardId", pattern + name),
        at.format("shardId", short),
        at.format("shardIteratorType", f"Member must satisfy enum value set: [{kinds}]"),
        at.format("startingSequenceNumber", pattern + number),
        at.format("streamName", pattern + name),
        at.format("streamName", short),
    ]
    empty = {"StreamName": "", "ShardIteratorType": "", "ShardId": "", "StartingSequenceNumber": ""}
    three = [NULL.format(field) for field in ("newStartingHashKey", "streamName", "shardToSplit")]
    low = "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
    entry = [NULL.format("records.1.member.data"), NULL.format("streamName")]
    for operation, request, told in (
        ("GetShardIterator", empty, six),
        ("SplitShard", {}, three),
        ("PutRecords", {"Records": [{"PartitionKey": "a"}]}, entry),
        ("GetRecords", {"Limit": 0}, [low, NULL.format("shardIterator")]),
        ("CreateStream", {"ShardCount": 1}, [NULL.format("streamName")]),
    ):
        status, _, answer = hand.post(operation, request)
        plural = "s" if len(told) > 1 else ""
        text = f"{len(told)} validation error{plural} detected: {'; '.join(told)}"
        equal((status, answer), (400, {"__type": "ValidationException", "message": text}), f"{operation} {request}")


def types(service, hand):
    """A value of a wrong type is told before anything else is looked at, for every member of every operation."""
    every = {"string": "x", "integer": 1, "boolean": True, "list": [], "map": {}, "fraction": 1.5}
    if hand.protocol == "cbor":
        every["blob"] = b"x"
    taken = {
        "string": {"string"},
        "integer": {"integer", "fraction"},
        "long": {"integer", "fraction"},
        "boolean": {"boolean"},
        "timestamp": {"integer", "fraction"},
        "list": {"list"},
        "map": {"map"},
        "structure": {"map"},
        "blob": {"string", "blob"},
    }
    asked = 0
    for operation, shape in operations(service).items():
        for name, member in (shape.members if shape is not None else {}).items():
            for kind in set(every) - taken[member.type_name]:
                status, _, answer = hand.post(operation, {name: every[kind]})
                asked += 1
                if (status, answer.get("__type")) != (400, "SerializationException") or not answer.get("Message"):
                    raise rig.Lost(f"{operation} with {name} = {every[kind]!r} is answered {status} {answer}")
    if hand.protocol == "json":
        status, _, answer = hand.post("PutRecord", {"StreamName": "", "Data": "not base64!"})
        equal((status, answer["__type"]), (400, "SerializationException"), f"bad base64 {answer}")
    for body in (b"", b"{", b"\xff", b"[]", b'"x"'):
        status, headers, answer = hand.post("PutRecord", body)
        equal((status, answer.get("__type")), (400, "SerializationException"), f"{body!r} {answer}")
        equal(bool(headers["x-amzn-RequestId"]), True, "its id")
    status, _, answer = hand.post("PutNothing", {})
    equal((status, answer), (400, {"__type": "UnknownOperationException"}), "an operation that is not there")
    return asked


def sizes(service):
    """A request of 500 records and 10 MiB, a record of 1 MiB, and what lies above."""
    service.create_stream(StreamName="sizes", ShardCount=1)
    one = {"PartitionKey": "a", "Data": b"x"}
    told = service.put_records(StreamName="sizes", Records=[one] * 500)
    equal((told["FailedRecordCount"], len(told["Records"])), (0, 500), "500 records")
    message = refused("ValidationException", service.put_records, StreamName="sizes", Records=[one] * 501)
    if not message.endswith("at 'records' failed to satisfy constraint: Member must have length less than or equal to 500"):
        raise rig.Lost(f"501 records: {message[-200:]}")
    whole = {"PartitionKey": "a", "Data": bytes(MIB - 1)}
    equal(service.put_records(StreamName="sizes", Records=[whole] * 10)["FailedRecordCount"], 0, "10 MiB with keys")
    message = refused("InvalidArgumentException", service.put_records, StreamName="sizes", Records=[whole] * 10 + [one])
    equal(message, "Records size exceeds 10 MB limit", "more than 10 MiB")
    refused("InvalidArgumentException", service.put_record, StreamName="sizes", PartitionKey="aa", Data=bytes(MIB - 1))
    arn = service.describe_stream_summary(StreamName="sizes")["StreamDescriptionSummary"]["StreamARN"]
    service.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10_240)
    equal(service.describe_stream_summary(StreamARN=arn)["StreamDescriptionSummary"]["MaxRecordSizeInKiB"], 10_240, "KiB")
    large = bytes(10 * MIB - 1)
    put = service.put_record(StreamName="sizes", PartitionKey="a", Data=large)
    records, _ = read_shard(service, "sizes", "0", "AT_SEQUENCE_NUMBER", StartingSequenceNumber=put["SequenceNumber"])
    equal([record["Data"] == large for record in records], [True], "10 MiB as they were")
    key = "k" * 256
    put = service.put_record(StreamName="sizes", PartitionKey=key, Data=b"", ExplicitHashKey=str(2**128 - 1))
    records, _ = read_shard(service, "sizes", "0", "AT_SEQUENCE_NUMBER", StartingSequenceNumber=put["SequenceNumber"])
    equal([(record["PartitionKey"], record["Data"]) for record in records], [(key, b"")], "the longest key and no data")
    refused("ValidationException", service.put_record, StreamName="sizes", PartitionKey=key + "k", Data=b"")
    service.delete_stream(StreamName="sizes")


def counts(service):
    """20 consumers, 50 tags, hours of retention; a consumer's name ends in the second it was made in."""
    service.create_stream(StreamName="counts", ShardCount=1)
    arn = service.describe_stream_summary(StreamName="counts")["StreamDescriptionSummary"]["StreamARN"]
    for place in range(20):
        made = service.register_stream_consumer(StreamARN=arn, ConsumerName=f"consumer-{place:02}")["Consumer"]
        second = int(made["ConsumerCreationTimestamp"].timestamp())
        equal(made["ConsumerARN"], f"{arn}/consumer/consumer-{place:02}:{second}", "a consumer's ARN")
    message = refused("LimitExceededException", service.register_stream_consumer, StreamARN=arn, ConsumerName="one-more")
    equal(message, f"Stream counts {UNDER} has reached the limit of 20 registered consumers.", "the limit")
    found, token = [], {}
    while token is not None:
        page = service.list_stream_consumers(StreamARN=arn, MaxResults=7, **token)
        found += [consumer["ConsumerName"] for consumer in page["Consumers"]]
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    equal(found, [f"consumer-{place:02}" for place in range(20)], "consumers in pages")
    service.add_tags_to_stream(StreamName="counts", Tags={f"key{place}": "" for place in range(50)})
    refused("InvalidArgumentException", service.add_tags_to_stream, StreamName="counts", Tags={"more": ""})
    service.add_tags_to_stream(StreamName="counts", Tags={"key0": "other"})
    service.increase_stream_retention_period(StreamName="counts", RetentionPeriodHours=25)
    for change, hours, relation, other in (
        (service.increase_stream_retention_period, 24, "shorter", "Decrease"),
        (service.decrease_stream_retention_period, 26, "longer", "Increase"),
    ):
        message = refused("InvalidArgumentException", change, StreamName="counts", RetentionPeriodHours=hours)
        equal(
            message,
            f"Requested retention period ({hours} hours) for stream counts can not be {relation} than existing retention "
            f"period (25 hours). Use {other}RetentionPeriod API.",
            "the refusal names both numbers",
        )
    service.delete_stream(StreamName="counts", EnforceConsumerDeletion=True)


def every(service, endpoint):
    """All rules; how many wrong values were refused."""
    hand = kinesis_cbor.Hand(endpoint, service.protocol)
    names(service)
    plans(service)
    short_names(service)
    numbers(service)
    iterators(service)
    violations(hand)
    asked = types(service, hand)
    sizes(service)
    counts(service)
    return asked
