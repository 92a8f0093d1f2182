#!/usr/bin/env python3
"""The AWS command line on a daemon: every operation of Kinesis that it has, its pages and waiters, its exit
codes and what it prints of errors. Needs the Python package awscli.
"""

import base64
import json
import subprocess
import sys
import time
from pathlib import Path

import rig
from command_line import MISUSED, CommandLine
from rig import equal

SHARD = "shardId-000000000000"
UNDER = "under account 000000000000"
POLICY = '{"Version":"2012-10-17","Statement":[]}'


def streams(aws):
    """Makes, lists in pages, waits for and deletes streams; gives the ARN of one."""
    aws("create-stream", "--stream-name", "trips", "--shard-count", "2", "--tags", "team=lab")
    for name in ("bikes", "docks", "gone"):
        aws("create-stream", "--stream-name", name, "--shard-count", "1")
    aws("create-stream", "--stream-name", "demand", "--stream-mode-details", "StreamMode=ON_DEMAND")
    aws("wait", "stream-exists", "--stream-name", "trips")
    aws("delete-stream", "--stream-name", "gone")
    aws("wait", "stream-not-exists", "--stream-name", "gone")
    own = ["bikes", "demand", "docks", "trips"]

    def named(answer):
        return [name for name in answer["StreamNames"] if name in own]

    equal(named(aws("list-streams")), own, "streams")
    equal(named(aws("list-streams", "--page-size", "1")), own, "streams in pages of one")
    found, token = [], ()
    while token is not None:
        page = aws("list-streams", "--max-items", "2", *token)
        found += named(page)
        token = ("--starting-token", page["NextToken"]) if "NextToken" in page else None
    equal(found, own, "streams two at a time")
    page = aws("list-streams", "--no-paginate", "--limit", "1", "--exclusive-start-stream-name", "demand")
    equal((page["StreamNames"], page["HasMoreStreams"]), (["docks"], True), "one page of streams")
    described = aws("describe-stream", "--stream-name", "trips")["StreamDescription"]
    equal([shard["ShardId"] for shard in described["Shards"]], [SHARD, "shardId-000000000001"], "shards")
    page = aws("describe-stream", "--stream-name", "trips", "--no-paginate", "--limit", "1")["StreamDescription"]
    equal((len(page["Shards"]), page["HasMoreShards"]), (1, True), "one page of shards")
    summary = aws("describe-stream-summary", "--stream-arn", described["StreamARN"])["StreamDescriptionSummary"]
    equal((summary["OpenShardCount"], summary["StreamStatus"]), (2, "ACTIVE"), "the summary")
    return described["StreamARN"]


def records(aws, work):
    """Puts records as text, as bytes of a file and as a list, and reads them from each kind of iterator."""
    (work / "bytes").write_bytes(bytes(range(256)))
    first = aws("put-record", "--stream-name", "trips", "--partition-key", "a", "--explicit-hash-key", "0", "--data", "one")
    equal(first["ShardId"], SHARD, "the shard of hash 0")
    aws(
        "put-record",
        "--stream-name",
        "trips",
        "--partition-key",
        "a",
        "--explicit-hash-key",
        "0",
        "--data",
        f"fileb://{work / 'bytes'}",
        "--sequence-number-for-ordering",
        first["SequenceNumber"],
    )
    entries = [{"PartitionKey": "a", "ExplicitHashKey": "0", "Data": f"listed {place}"} for place in range(3)]
    (work / "records").write_text(json.dumps(entries))
    put = aws("put-records", "--stream-name", "trips", "--records", f"file://{work / 'records'}")
    equal((put["FailedRecordCount"], len(put["Records"])), (0, 3), "records")
    expected = [b"one", bytes(range(256)), b"listed 0", b"listed 1", b"listed 2"]
    number = ("--starting-sequence-number", first["SequenceNumber"])
    for kind, where, left in (
        ("TRIM_HORIZON", (), expected),
        ("LATEST", (), []),
        ("AT_SEQUENCE_NUMBER", number, expected),
        ("AFTER_SEQUENCE_NUMBER", number, expected[1:]),
        ("AT_TIMESTAMP", ("--timestamp", "2020-01-01T00:00:00Z"), expected),
    ):
        place = ("--stream-name", "trips", "--shard-id", SHARD, "--shard-iterator-type", kind)
        iterator = aws("get-shard-iterator", *place, *where)["ShardIterator"]
        found = [base64.b64decode(record["Data"]) for record in aws("get-records", "--shard-iterator", iterator)["Records"]]
        equal(found, left, f"records from {kind}")
    page = aws("get-records", "--shard-iterator", aws("get-shard-iterator", *place, *where)["ShardIterator"], "--limit", "2")
    equal(len(page["Records"]), 2, "two records")
    dated = aws("get-records", "--shard-iterator", page["NextShardIterator"])["Records"][0]["ApproximateArrivalTimestamp"]
    equal(abs(float(dated) - time.time()) < 3600, True, "the time of arrival")


def shards(aws):
    """Shards by hand and by count, and lists of them."""
    aws("split-shard", "--stream-name", "bikes", "--shard-to-split", SHARD, "--new-starting-hash-key", str(2**127))
    pair = ("--shard-to-merge", "shardId-000000000001", "--adjacent-shard-to-merge", "shardId-000000000002")
    aws("merge-shards", "--stream-name", "bikes", *pair)
    found = aws("list-shards", "--stream-name", "bikes")["Shards"]
    equal([shard["ShardId"][-1] for shard in found], ["0", "1", "2", "3"], "shards")
    equal(found[3]["ParentShardId"], "shardId-000000000001", "a parent")
    # The command line repeats the stream's name with the token, which Amazon refuses, too.
    message = aws.refused("InvalidArgumentException", "list-shards", "--stream-name", "bikes", "--page-size", "1")
    equal(message, "NextToken and StreamName cannot be provided together.", "shards in pages of one")
    opened = aws("list-shards", "--stream-name", "bikes", "--shard-filter", "Type=AT_LATEST")["Shards"]
    equal([shard["ShardId"] for shard in opened], ["shardId-000000000003"], "open shards")
    page = aws("list-shards", "--stream-name", "bikes", "--no-paginate", "--max-results", "3")
    rest = aws("list-shards", "--no-paginate", "--next-token", page["NextToken"])["Shards"]
    equal([shard["ShardId"] for shard in rest], ["shardId-000000000003"], "the second page")
    told = aws(
        "update-shard-count", "--stream-name", "docks", "--target-shard-count", "2", "--scaling-type", "UNIFORM_SCALING"
    )
    equal((told["CurrentShardCount"], told["TargetShardCount"]), (1, 2), "counts")


def consumers(aws, arn):
    made = aws("register-stream-consumer", "--stream-arn", arn, "--consumer-name", "lab", "--tags", "a=1")["Consumer"]
    equal(made["ConsumerARN"], f"{arn}/consumer/lab:{int(made['ConsumerCreationTimestamp'])}", "the consumer's ARN")
    aws("register-stream-consumer", "--stream-arn", arn, "--consumer-name", "other")
    named = aws("describe-stream-consumer", "--stream-arn", arn, "--consumer-name", "lab")["ConsumerDescription"]
    equal((named["ConsumerARN"], named["StreamARN"]), (made["ConsumerARN"], arn), "the consumer")
    listed = aws("list-stream-consumers", "--stream-arn", arn, "--page-size", "1")["Consumers"]
    equal([consumer["ConsumerName"] for consumer in listed], ["lab", "other"], "consumers")
    aws("deregister-stream-consumer", "--stream-arn", arn, "--consumer-name", "other")
    return made["ConsumerARN"]


def tags_and_policies(aws, arn, consumer):
    aws("add-tags-to-stream", "--stream-name", "trips", "--tags", "a=1,b=2")
    aws("remove-tags-from-stream", "--stream-name", "trips", "--tag-keys", "a")
    page = aws("list-tags-for-stream", "--stream-name", "trips", "--limit", "1")
    equal((page["Tags"], page["HasMoreTags"]), ([{"Key": "b", "Value": "2"}], True), "one tag")
    rest = aws("list-tags-for-stream", "--stream-name", "trips", "--exclusive-start-tag-key", "b")["Tags"]
    equal(rest, [{"Key": "team", "Value": "lab"}], "the other")
    aws("tag-resource", "--resource-arn", consumer, "--tags", "c=3")
    aws("untag-resource", "--resource-arn", consumer, "--tag-keys", "a")
    equal(
        aws("list-tags-for-resource", "--resource-arn", consumer)["Tags"],
        [{"Key": "c", "Value": "3"}],
        "the consumer's tags",
    )
    aws("put-resource-policy", "--resource-arn", arn, "--policy", POLICY)
    equal(aws("get-resource-policy", "--resource-arn", arn)["Policy"], POLICY, "the policy")
    aws("delete-resource-policy", "--resource-arn", arn)
    aws("deregister-stream-consumer", "--consumer-arn", consumer)


def settings(aws, arn):
    aws("increase-stream-retention-period", "--stream-name", "trips", "--retention-period-hours", "72")
    aws("decrease-stream-retention-period", "--stream-name", "trips", "--retention-period-hours", "48")
    on = aws("enable-enhanced-monitoring", "--stream-name", "trips", "--shard-level-metrics", "ALL")
    off = aws(
        "disable-enhanced-monitoring", "--stream-name", "trips", "--shard-level-metrics", "IncomingBytes", "OutgoingBytes"
    )
    equal((len(on["DesiredShardLevelMetrics"]), len(off["DesiredShardLevelMetrics"])), (7, 5), "metrics")
    key = ("--encryption-type", "KMS", "--key-id", "alias/aws/kinesis")
    aws("start-stream-encryption", "--stream-name", "trips", *key)
    aws("stop-stream-encryption", "--stream-name", "trips", *key)
    aws("update-max-record-size", "--stream-arn", arn, "--max-record-size-in-ki-b", "4096")
    summary = aws("describe-stream-summary", "--stream-name", "trips")["StreamDescriptionSummary"]
    equal(
        (summary["RetentionPeriodHours"], summary["MaxRecordSizeInKiB"], summary["EncryptionType"]),
        (48, 4096, "NONE"),
        "settings",
    )
    aws("update-account-settings", "--minimum-throughput-billing-commitment", "Status=ENABLED")
    equal(aws("describe-account-settings")["MinimumThroughputBillingCommitment"]["Status"], "ENABLED", "the commitment")
    warm = aws("update-stream-warm-throughput", "--stream-name", "demand", "--warm-throughput-mi-bps", "6")
    equal(warm["WarmThroughput"]["TargetMiBps"], 6, "warm throughput")
    equal(aws("describe-limits")["OnDemandStreamCount"], 1, "on-demand streams")
    demand = arn.replace("trips", "demand")
    newest = "update-stream-record-distribution-strategy"
    if newest in aws.commands():
        aws(newest, "--stream-arn", demand, "--record-distribution-strategy", "AUTO")
    aws("update-stream-mode", "--stream-arn", demand, "--stream-mode-details", "StreamMode=PROVISIONED")
    equal(aws("describe-limits")["OnDemandStreamCount"], 0, "on-demand streams")


def refusals(aws, arn):
    """Exit codes, and Amazon's texts as they are printed."""
    message = aws.refused("ResourceNotFoundException", "describe-stream", "--stream-name", "nowhere")
    equal(message, f"Stream nowhere {UNDER} not found.", "the text")
    message = aws.refused("ResourceInUseException", "create-stream", "--stream-name", "trips", "--shard-count", "1")
    equal(message, f"Stream trips {UNDER} already exists.", "the text")
    message = aws.refused(
        "ValidationException", "put-record", "--stream-name", "sp ace", "--data", "a", "--partition-key", "k" * 257
    )
    equal(
        message,
        f"2 validation errors detected: Value '{'k' * 257}' at 'partitionKey' failed to satisfy constraint: Member must "
        "have length less than or equal to 256; Value 'sp ace' at 'streamName' failed to satisfy constraint: Member must satisfy "
        "regular expression pattern: [a-zA-Z0-9_.-]+",
        "the text",
    )
    scaling = ("--stream-name", "trips", "--scaling-type", "UNIFORM_SCALING", "--target-shard-count")
    aws.refused("LimitExceededException", "update-shard-count", *scaling, "5")
    aws.refused("InvalidArgumentException", "get-records", "--shard-iterator", "nonsense")
    hours = ("--stream-name", "trips", "--retention-period-hours", "24")
    message = aws.refused("InvalidArgumentException", "increase-stream-retention-period", *hours)
    equal("24 hours" in message and "48 hours" in message, True, f"both numbers in {message}")
    aws.refused("ResourceNotFoundException", "get-resource-policy", "--resource-arn", arn)
    code, _, errors = aws.run("put-record", "--stream-name", "trips")
    equal((code, "the following arguments are required: --data" in errors), (MISUSED, True), errors)


def command(endpoint):
    """The program itself, once."""
    program = Path(sys.executable).parent / "aws"
    told = subprocess.run(
        [
            program,
            "kinesis",
            "describe-stream-summary",
            "--stream-name",
            "trips",
            "--endpoint-url",
            endpoint,
            "--output",
            "text",
            "--query",
            "StreamDescriptionSummary.OpenShardCount",
        ],
        capture_output=True,
        text=True,
        timeout=rig.PATIENCE,
        check=True,
    )
    equal(told.stdout, "2\n", "what the program prints")


def main():
    options = rig.arguments(__doc__).parse_args()
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "cli")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    endpoint = rig.aws_endpoint(daemon)
    aws = CommandLine("kinesis", endpoint)
    arn = streams(aws)
    records(aws, work)
    shards(aws)
    consumer = consumers(aws, arn)
    tags_and_policies(aws, arn, consumer)
    settings(aws, arn)
    refusals(aws, arn)
    command(endpoint)
    left = {name for name in aws.commands() if "queue" not in name and "channel" not in name} - aws.called
    equal(left, set(), "commands that were not called")
    daemon.stop()
    print(f"{len(aws.called)} commands", flush=True)


if __name__ == "__main__":
    rig.run(main)
