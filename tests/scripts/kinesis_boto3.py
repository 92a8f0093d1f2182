#!/usr/bin/env python3
"""Calls every operation of the Kinesis API on a daemon with boto3, kills the daemon, and looks whether all
that was answered is still there; over JSON, or over CBOR. Needs the Python packages boto3 and cbor2.
"""

import datetime
import json
import time

import boto3
import kinesis_cbor
import rig
from botocore.config import Config
from botocore.exceptions import ClientError
from rig import equal

CHECKED = set()


class Service:
    """boto3's client, in JSON or CBOR; remembers which operations were called."""

    def __init__(self, endpoint, region="us-east-1", protocol="json"):
        config = Config(retries={"max_attempts": 1}, read_timeout=30)
        self.client = boto3.client(
            "kinesis", endpoint_url=endpoint, region_name=region, config=config,
            aws_access_key_id="test", aws_secret_access_key="test",
        )
        self.protocol = protocol
        if protocol == "cbor":
            kinesis_cbor.speak_cbor(self.client)

    def __getattr__(self, name):
        call = getattr(self.client, name)

        def counted(**request):
            CHECKED.add(self.client.meta.method_to_api_mapping[name])
            return call(**request)

        return counted


def refused(code, call, **request):
    try:
        answer = call(**request)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code, f"the refusal of {request}")
        equal(error.response["ResponseMetadata"]["HTTPStatusCode"], 400, "its status")
        return error.response["Error"]["Message"]
    raise rig.Lost(f"{request} was answered {answer}, not refused with {code}")


def read_shard(service, stream, shard, kind="TRIM_HORIZON", **where):
    """All records of a shard, and the last answer."""
    told = service.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind, **where)
    iterator, records = told["ShardIterator"], []
    while True:
        answer = service.get_records(ShardIterator=iterator)
        records += answer["Records"]
        iterator = answer.get("NextShardIterator")
        if not iterator or answer["MillisBehindLatest"] == 0:
            return records, answer


def streams(service):
    service.create_stream(StreamName="trips", ShardCount=2, Tags={"team": "lab"})
    service.get_waiter = service.client.get_waiter
    service.get_waiter("stream_exists").wait(StreamName="trips", WaiterConfig={"Delay": 1, "MaxAttempts": 10})
    described = service.describe_stream(StreamName="trips")["StreamDescription"]
    equal([shard["ShardId"] for shard in described["Shards"]], ["shardId-000000000000", "shardId-000000000001"], "shards")
    summary = service.describe_stream_summary(StreamARN=described["StreamARN"])["StreamDescriptionSummary"]
    equal(summary["OpenShardCount"], 2, "open shards")
    listed = service.list_streams(Limit=1)
    equal("trips" in listed["StreamNames"] or listed["HasMoreStreams"], True, "the list of streams")
    refused("ResourceInUseException", service.create_stream, StreamName="trips", ShardCount=1)
    message = refused("ResourceNotFoundException", service.describe_stream, StreamName="other")
    equal(message, "Stream other under account 000000000000 not found.", "the message")
    service.create_stream(StreamName="gone", ShardCount=1)
    service.delete_stream(StreamName="gone")
    refused("ResourceNotFoundException", service.describe_stream, StreamName="gone")
    return described["StreamARN"]


def records(service):
    """Puts records; gives what was answered: (shard, number, data)."""
    answered, before = [], datetime.datetime.now(datetime.timezone.utc)
    for number in range(10):
        data = f"single {number}".encode()
        put = service.put_record(StreamName="trips", PartitionKey=str(number), Data=data)
        answered.append((put["ShardId"], put["SequenceNumber"], data))
    entries = [{"PartitionKey": str(number), "Data": bytes([number % 256]) * 100} for number in range(500)]
    put = service.put_records(StreamName="trips", Records=entries)
    equal(put["FailedRecordCount"], 0, "failed records")
    for entry, told in zip(entries, put["Records"]):
        answered.append((told["ShardId"], told["SequenceNumber"], entry["Data"]))
    first, last = answered[0], answered[-1]
    found, _ = read_shard(service, "trips", first[0], "AT_SEQUENCE_NUMBER", StartingSequenceNumber=first[1])
    equal(found[0]["Data"], first[2], "the record at a number")
    found, _ = read_shard(service, "trips", last[0], "AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=last[1])
    equal(found, [], "records after the last")
    found, _ = read_shard(service, "trips", first[0], "AT_TIMESTAMP", Timestamp=before)
    equal(found[0]["SequenceNumber"], first[1], "the record at a time")
    refused("InvalidArgumentException", service.get_records, ShardIterator="nonsense")
    dry = {"StreamName": "trips", "PartitionKey": "a", "Data": b"x", "DryRun": True}
    refused("DryRunOperationException", service.put_record, **dry)
    return answered


def check_records(service, answered):
    for shard in sorted({shard for shard, _, _ in answered}):
        expected = sorted((number, data) for of, number, data in answered if of == shard)
        found, _ = read_shard(service, "trips", shard)
        equal([(record["SequenceNumber"], record["Data"]) for record in found], expected, f"records of {shard}")


def consumers(service, arn):
    made = service.register_stream_consumer(StreamARN=arn, ConsumerName="lab")["Consumer"]
    consumer = made["ConsumerARN"]
    created = int(made["ConsumerCreationTimestamp"].timestamp())
    equal(consumer, f"{arn}/consumer/lab:{created}", "the consumer's name")
    equal(service.describe_stream_consumer(ConsumerARN=consumer)["ConsumerDescription"]["StreamARN"], arn, "its stream")
    equal(len(service.list_stream_consumers(StreamARN=arn)["Consumers"]), 1, "consumers")
    position = {"Type": "LATEST"}
    opened = service.subscribe_to_shard(ConsumerARN=consumer, ShardId="shardId-000000000000", StartingPosition=position)
    events = iter(opened["EventStream"])
    equal(next(events)["SubscribeToShardEvent"]["Records"], [], "the first event")
    refused(
        "ResourceInUseException", service.subscribe_to_shard,
        ConsumerARN=consumer, ShardId="shardId-000000000000", StartingPosition=position,
    )
    put = service.put_record(StreamName="trips", PartitionKey="x", ExplicitHashKey="0", Data=b"pushed")
    event = next(events)["SubscribeToShardEvent"]
    equal([record["Data"] for record in event["Records"]], [b"pushed"], "the event")
    equal(event["ContinuationSequenceNumber"], put["SequenceNumber"], "its continuation")
    opened["EventStream"].close()
    refused("ResourceInUseException", service.delete_stream, StreamName="trips")
    return consumer, (put["ShardId"], put["SequenceNumber"], b"pushed")


def tags_and_policies(service, arn, consumer):
    service.add_tags_to_stream(StreamName="trips", Tags={"a": "1", "b": "2"})
    service.tag_resource(ResourceARN=consumer, Tags={"c": "3"})
    service.remove_tags_from_stream(StreamName="trips", TagKeys=["a"])
    tags = service.list_tags_for_stream(StreamName="trips")["Tags"]
    equal({tag["Key"]: tag["Value"] for tag in tags}, {"team": "lab", "b": "2"}, "tags")
    equal(service.list_tags_for_resource(ResourceARN=arn)["Tags"], tags, "tags by ARN")
    service.untag_resource(ResourceARN=consumer, TagKeys=["c"])
    equal(service.list_tags_for_resource(ResourceARN=consumer)["Tags"], [], "tags of the consumer")
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    service.put_resource_policy(ResourceARN=arn, Policy=policy)
    equal(service.get_resource_policy(ResourceARN=arn)["Policy"], policy, "the policy")
    service.put_resource_policy(ResourceARN=consumer, Policy=policy)
    service.delete_resource_policy(ResourceARN=consumer)
    refused("ResourceNotFoundException", service.get_resource_policy, ResourceARN=consumer)


def settings(service, arn):
    service.increase_stream_retention_period(StreamName="trips", RetentionPeriodHours=72)
    service.decrease_stream_retention_period(StreamName="trips", RetentionPeriodHours=48)
    refused("InvalidArgumentException", service.increase_stream_retention_period, StreamName="trips", RetentionPeriodHours=24)
    service.enable_enhanced_monitoring(StreamName="trips", ShardLevelMetrics=["ALL"])
    told = service.disable_enhanced_monitoring(StreamName="trips", ShardLevelMetrics=["IncomingBytes"])
    equal(len(told["DesiredShardLevelMetrics"]), 6, "metrics")
    service.start_stream_encryption(StreamName="trips", EncryptionType="KMS", KeyId="alias/aws/kinesis")
    service.stop_stream_encryption(StreamName="trips", EncryptionType="KMS", KeyId="alias/aws/kinesis")
    service.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=4096)
    service.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    commitment = service.describe_account_settings()["MinimumThroughputBillingCommitment"]
    equal(commitment["Status"], "ENABLED", "the commitment")
    service.create_stream(StreamName="demand", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    demand = service.describe_stream_summary(StreamName="demand")["StreamDescriptionSummary"]
    service.update_stream_warm_throughput(StreamName="demand", WarmThroughputMiBps=6)
    service.update_stream_record_distribution_strategy(StreamARN=demand["StreamARN"], RecordDistributionStrategy="AUTO")
    service.put_record(StreamName="demand", Data=b"anywhere")
    service.update_stream_mode(StreamARN=demand["StreamARN"], StreamModeDetails={"StreamMode": "PROVISIONED"})
    equal(service.describe_limits()["OnDemandStreamCount"], 0, "on-demand streams")


def resharding(service):
    service.create_stream(StreamName="shapes", ShardCount=4)
    told = service.update_shard_count(StreamName="shapes", TargetShardCount=5, ScalingType="UNIFORM_SCALING")
    equal((told["CurrentShardCount"], told["TargetShardCount"]), (4, 5), "counts")
    equal(len(service.list_shards(StreamName="shapes")["Shards"]), 15, "shards after 4 to 5")
    opened = service.list_shards(StreamName="shapes", ShardFilter={"Type": "AT_LATEST"})["Shards"]
    equal(len(opened), 5, "open shards")
    opened.sort(key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    one, other = opened[0]["ShardId"], opened[1]["ShardId"]
    service.merge_shards(StreamName="shapes", ShardToMerge=one, AdjacentShardToMerge=other)
    merged = service.list_shards(StreamName="shapes")["Shards"][-1]
    equal((merged["ParentShardId"], merged["AdjacentParentShardId"]), (one, other), "parents")
    service.split_shard(StreamName="shapes", ShardToSplit=merged["ShardId"], NewStartingHashKey="1000")
    _, answer = read_shard(service, "shapes", merged["ShardId"])
    equal(len(answer["ChildShards"]), 2, "children")
    equal(answer.get("NextShardIterator"), None, "the iterator at the end of a shard")


def regions(endpoint, protocol):
    abroad = Service(endpoint, "eu-central-1", protocol)
    equal(abroad.list_streams()["StreamNames"], [], "streams of another region")
    abroad.create_stream(StreamName="trips", ShardCount=1)
    arn = abroad.describe_stream(StreamName="trips")["StreamDescription"]["StreamARN"]
    equal(arn, "arn:aws:kinesis:eu-central-1:000000000000:stream/trips", "its name")


def all_state(service):
    told = {}
    for stream in service.list_streams()["StreamNames"]:
        summary = service.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        told[stream] = (
            summary, service.list_shards(StreamName=stream)["Shards"],
            service.list_tags_for_stream(StreamName=stream)["Tags"],
            service.list_stream_consumers(StreamARN=summary["StreamARN"])["Consumers"],
        )
    return told


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("--over", choices=kinesis_cbor.KINDS, default="json", help="the protocol")
    options = parser.parse_args()
    protocol = options.over
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "kinesis")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    address = rig.aws_endpoint(daemon)
    service = Service(address, protocol=protocol)
    arn = streams(service)
    answered = records(service)
    consumer, pushed = consumers(service, arn)
    answered.append(pushed)
    tags_and_policies(service, arn, consumer)
    settings(service, arn)
    resharding(service)
    regions(address, protocol)
    check_records(service, answered)
    before = all_state(service)
    daemon.kill()
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    service = Service(rig.aws_endpoint(daemon), protocol=protocol)
    equal(all_state(service), before, "what is told after kill -9")
    check_records(service, answered)
    service.deregister_stream_consumer(ConsumerARN=consumer)
    refused("ResourceNotFoundException", service.describe_stream_consumer, ConsumerARN=consumer)
    begun = time.monotonic()
    daemon.stop()
    of_others = [name for name in service.client.meta.service_model.operation_names if "Queue" in name or "Channel" in name]
    left = set(service.client.meta.service_model.operation_names) - CHECKED - set(of_others)
    equal(left, set(), "operations that were not called")
    print(f"{len(CHECKED)} operations over {protocol}; stopped in {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    rig.run(main)
