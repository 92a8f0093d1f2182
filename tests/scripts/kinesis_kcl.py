#!/usr/bin/env python3
"""The Kinesis Client Library of AWS (KCL 3, Java) consumes a stream of this daemon, `polling` or with fan-out
(`fanout`), as it is: the endpoint is a line of its properties file. Leases are kept in a local DynamoDB.

Records are put before, while and after a shard is split; the library is killed with its processors and
started again. Every record is processed, in order within its shard, parents before their children, and
after the kill each shard goes on behind its last checkpoint. Needs java and the Python packages
kclpy-ext (it brings the library's jars), boto3 and moto[server].
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import boto3
import rig

STREAM = "bicimad"
SHARDS = 3
PROCESSOR = Path(__file__).resolve().parents[1] / "clients" / "kcl" / "processor.py"
# What makes the library quick to see changes; AWS's defaults are made for thousands of shards.
PROPERTIES = """
executableName = {python} {processor}
streamName = {stream}
applicationName = caudal
workerId = lab
AwsCredentialsProvider = DefaultCredentialsProvider
processingLanguage = python/3
initialPositionInStream = TRIM_HORIZON
regionName = us-east-1
kinesisEndpoint = {kinesis}
dynamoDBEndpoint = {dynamodb}
retrievalMode = {retrieval}
metricsLevel = NONE
maxRecords = 100
idleTimeBetweenReadsInMillis = 250
failoverTimeMillis = 3000
leaseAssignmentIntervalMillis = 1000
shardSyncIntervalMillis = 1000
parentShardPollIntervalMillis = 500
taskBackoffTimeMillis = 200
schedulerInitializationBackoffTimeMillis = 200
workerMetricsReporterFreqInMillis = 1000
inMemoryWorkerMetricsCaptureFrequencyMillis = 500
gracefulLeaseHandoffTimeoutMillis = 2000
"""
LOGBACK = """
<configuration>
  <appender name="file" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %-5level %logger{0} [%thread] %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="file" /></root>
</configuration>
"""


class Group:
    """A program in a process group of its own, its output in a file."""

    def __init__(self, command, log, environment=None):
        self.log = log
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **(environment or {})}, start_new_session=True,
            )
        rig.atexit.register(self.kill)

    def kill(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    def check(self):
        if self.process.poll() is not None:
            raise rig.Lost(f"{self.log.name} ended with {self.process.returncode}\n{self.tail()}")

    def tail(self, lines=40):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def local_dynamodb(work):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = Group([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], work / "dynamodb.log")
    deadline = time.monotonic() + rig.PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return f"http://127.0.0.1:{port}"
        except OSError:
            server.check()
            if time.monotonic() > deadline:
                raise rig.Lost(f"the local DynamoDB does not start\n{server.tail()}") from None
            time.sleep(0.05)


class Library:
    """The library with its processors; each start has a journal of its own."""

    def __init__(self, work, properties):
        self.work, self.journals = work, []
        self.properties = work / "kcl.properties"
        self.properties.write_text(properties)
        self.logback = work / "logback.xml"
        self.logback.write_text(LOGBACK)
        self.group = None

    def start(self):
        import amazon_kclpy

        journal = self.work / f"journal-{len(self.journals)}"
        journal.mkdir()
        self.journals.append(journal)
        jars = Path(amazon_kclpy.__file__).parent / "jars"
        command = [
            # A small heap and quick compilation: two cores run all of this.
            "java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}/*:{self.work}",
            "software.amazon.kinesis.multilang.MultiLangDaemon",
            "--properties-file", str(self.properties), "--log-configuration", str(self.logback),
        ]
        environment = {
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true", "CAUDAL_JOURNAL": str(journal),
        }
        self.group = Group(command, self.work / f"kcl-{len(self.journals)}.log", environment)

    def entries(self, run=-1):
        """Entries of a start by process: (shard, entries); a last line may be half written."""
        told = []
        for path in sorted(self.journals[run].iterdir()):
            lines = path.read_text().split("\n")[:-1]
            entries = [json.loads(line) for line in lines]
            if entries:
                told.append((entries[0]["begun"], entries))
        return told

    def processed(self):
        return {
            entry["number"]
            for run in range(len(self.journals)) for _, entries in self.entries(run) for entry in entries if "number" in entry
        }

    def wait(self, what, until, deadline):
        while not until():
            self.group.check()
            if time.monotonic() > deadline:
                raise rig.Lost(f"{what} does not happen in time\n{self.group.tail()}")
            time.sleep(0.1)


class Producer:
    def __init__(self, kinesis):
        self.kinesis = kinesis
        self.put = {}

    def records(self, count):
        for first in range(0, count, 250):
            entries = [
                {"PartitionKey": f"{number}", "Data": f"trip {len(self.put) + number}".encode()}
                for number in range(min(250, count - first))
            ]
            answer = self.kinesis.put_records(StreamName=STREAM, Records=entries)
            for entry, told in zip(entries, answer["Records"]):
                self.put.setdefault(told["ShardId"], []).append((told["SequenceNumber"], entry["Data"].decode()))

    def total(self):
        return sum(map(len, self.put.values()))


def check_run(number, entries_by_process, put):
    """One start: order, nothing between left out, nothing that nobody put."""
    for shard, entries in entries_by_process:
        seen = [(entry["number"], entry["data"]) for entry in entries if "number" in entry]
        known = put[shard]
        if not seen:
            continue
        place = known.index(seen[0])
        if known[place:place + len(seen)] != seen:
            raise rig.Lost(f"start {number}, {shard}: records are not as they were put, from {seen[0]} on")


def check_resumed(library, put):
    """After the kill a shard goes on right behind the last checkpoint; gives how many came twice."""
    doubled = 0
    before = dict(library.entries(0))
    resumed = set()
    for shard, entries in library.entries(1):
        numbers = [entry["number"] for entry in entries if "number" in entry]
        if shard in resumed or shard not in before or not numbers:
            continue
        resumed.add(shard)
        known = [number for number, _ in put[shard]]
        points = [entry["checkpoint"] for entry in before[shard] if "checkpoint" in entry]
        if points and points[-1] == "end":
            raise rig.Lost(f"{shard} was ended and is read again")
        begun = known.index(numbers[0])
        behind = known.index(points[-1]) + 1 if points else 0
        seen = [entry["number"] for entry in before[shard] if "number" in entry]
        # A checkpoint may be stored whose answer the kill has cut off.
        if not behind <= begun <= (known.index(seen[-1]) + 1 if seen else 0):
            raise rig.Lost(f"{shard} goes on at record {begun}, its checkpoint lies behind record {behind}")
        doubled += len(set(seen) & set(numbers))
    if not resumed:
        raise rig.Lost("no shard was read before and after the kill")
    return doubled


def check_lineage(kinesis, library):
    """A child begins when its parents have ended."""
    ended, begun = {}, {}
    for run in range(len(library.journals)):
        for shard, entries in library.entries(run):
            begun.setdefault(shard, entries[0]["at"])
            for entry in entries:
                if entry.get("checkpoint") == "end":
                    ended[shard] = entry["at"]
    children = 0
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        parent = shard.get("ParentShardId")
        if parent:
            children += 1
            if parent not in ended or begun[shard["ShardId"]] < ended[parent]:
                raise rig.Lost(f"{shard['ShardId']} began before its parent {parent} had ended")
    return children


def split(kinesis):
    shard = kinesis.list_shards(StreamName=STREAM)["Shards"][0]
    first, last = (int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
    kinesis.split_shard(StreamName=STREAM, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((first + last) // 2))


def consume(kinesis, library, part, deadline):
    """Puts four parts: before the split, after it, before the kill and after it."""
    producer = Producer(kinesis)
    producer.records(part)
    library.start()
    library.wait("half of the first part", lambda: len(library.processed()) > part // 2, deadline)
    split(kinesis)
    producer.records(part)
    children = {f"shardId-{SHARDS:012}", f"shardId-{SHARDS + 1:012}"}
    library.wait(
        "processing of both children",
        lambda: children <= {shard for shard, entries in library.entries() if any("number" in entry for entry in entries)},
        deadline,
    )
    before = len(library.processed())
    producer.records(part)
    library.wait("a piece of the third part", lambda: len(library.processed()) > before + part // 10, deadline)
    library.group.kill()
    killed_after = len(library.processed())
    producer.records(part)
    library.start()
    library.wait("processing of all", lambda: len(library.processed()) >= producer.total(), deadline)
    return producer, killed_after


def check_retrieval(kinesis, retrieval):
    """With fan-out the library has registered a consumer under the application's name, else none."""
    arn = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    found = [consumer["ConsumerName"] for consumer in kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]]
    if found != (["caudal"] if retrieval == "fanout" else []):
        raise rig.Lost(f"consumers after {retrieval}: {found}")


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("retrieval", choices=["polling", "fanout"])
    parser.add_argument("--records", type=int, default=4000)
    parser.add_argument("--limit", type=float, default=240, help="seconds after which it has failed")
    options = parser.parse_args()
    rig.need_tools("java")
    try:
        import amazon_kclpy  # noqa: F401
        import moto.server  # noqa: F401
    except ImportError as missing:
        raise rig.Skip(f"a Python package is not installed: {missing}") from missing
    deadline = time.monotonic() + options.limit
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "kcl")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    endpoint, dynamodb = rig.aws_endpoint(daemon), local_dynamodb(work)
    kinesis = boto3.client(
        "kinesis", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
    )
    kinesis.create_stream(StreamName=STREAM, ShardCount=SHARDS)
    library = Library(work, PROPERTIES.format(
        python=sys.executable, processor=PROCESSOR, stream=STREAM, kinesis=endpoint, dynamodb=dynamodb,
        retrieval=options.retrieval.upper(),
    ))
    producer, killed_after = consume(kinesis, library, options.records // 4, deadline)
    library.group.kill()
    put = {number for records in producer.put.values() for number, _ in records}
    if library.processed() != put:
        raise rig.Lost(f"{len(put)} records were put, {len(library.processed() - put)} others were processed")
    for run in range(2):
        check_run(run, library.entries(run), producer.put)
    check_retrieval(kinesis, options.retrieval)
    doubled = check_resumed(library, producer.put)
    children = check_lineage(kinesis, library)
    daemon.stop()
    print(f"{len(put)} records, killed after {killed_after}, {doubled} came twice, {children} children after their parent", flush=True)


if __name__ == "__main__":
    rig.run(main)
