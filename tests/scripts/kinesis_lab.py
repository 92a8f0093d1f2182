#!/usr/bin/env python3
"""A producer and two consumers in processes of their own, all written for AWS: boto3 and an endpoint. They carry
trips, of a file or made up, while shards are split and merged and the daemon is killed. One consumer polls, the
other subscribes to shards. Both read every trip, byte by byte as it was put, and in order for each station. Needs
the Python package boto3.
"""

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import boto3
import rig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EventStreamError
from rig import equal
from urllib3.exceptions import HTTPError

STREAM = "bicimad"
# Seconds without anything new after which a consumer gives up.
PATIENCE = 60


def client(endpoint):
    config = Config(retries={"max_attempts": 2, "mode": "standard"}, connect_timeout=2, read_timeout=10)
    return boto3.client(
        "kinesis", endpoint_url=endpoint, region_name="us-east-1", config=config,
        aws_access_key_id="test", aws_secret_access_key="test",
    )


def until_answered(call):
    """Calls again while the server cannot be reached: as any program on AWS does."""
    while True:
        try:
            return call()
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] != "InternalFailure":
                if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                    raise
            time.sleep(0.1)


def key_of(line):
    return str(json.loads(line)["idunplug_station"])


def produce(endpoint, file, seed):
    """Puts the lines of a file, a batch at a time, each with its station as the key; tells how far it is."""
    kinesis, draw = client(endpoint), random.Random(seed)
    lines = Path(file).read_bytes().splitlines()
    sent = 0
    while sent < len(lines):
        batch = lines[sent : sent + draw.randint(1, 100)]
        entries = [{"PartitionKey": key_of(line), "Data": line} for line in batch]
        while entries:
            request = {"StreamName": STREAM, "Records": entries}
            put = until_answered(lambda request=request: kinesis.put_records(**request))
            entries = [entry for entry, told in zip(entries, put["Records"]) if "ErrorCode" in told]
        sent += len(batch)
        print(sent, flush=True)


def consume(endpoint, file, count):
    """Reads every shard, children after their parents, until so many different records have come; writes each
    as it came and with its key."""
    kinesis, seen = client(endpoint), set()
    iterators, done, quiet = {}, set(), time.monotonic()
    with open(file, "wb") as out:
        while len(seen) < count:
            if time.monotonic() - quiet > PATIENCE:
                raise SystemExit(f"{len(seen)} of {count} records came, then none for {PATIENCE} s")
            begin(kinesis, iterators, done)
            for name, iterator in list(iterators.items()):
                request = {"ShardIterator": iterator, "Limit": 1000}
                answer = until_answered(lambda request=request: kinesis.get_records(**request))
                for record in answer["Records"]:
                    quiet = time.monotonic()
                    seen.add(record["Data"])
                    out.write(record["PartitionKey"].encode() + b"\t" + record["Data"] + b"\n")
                if answer.get("NextShardIterator"):
                    iterators[name] = answer["NextShardIterator"]
                else:
                    del iterators[name]
                    done.add(name)
    print(len(done), flush=True)


class Follower:
    """Subscribes to every shard, children after their parents, each in a thread of its own; after an end of the
    connection it goes on where the last event said. Stops when so many different records have come."""

    def __init__(self, endpoint, consumer, out, count):
        self.kinesis, self.consumer, self.out, self.count = client(endpoint), consumer, out, count
        self.lock, self.seen, self.begun, self.ended = threading.Lock(), set(), set(), set()
        self.quiet, self.fault, self.subscribed = time.monotonic(), None, 0

    def is_complete(self):
        return len(self.seen) >= self.count

    def run(self):
        while not self.is_complete():
            if self.fault or time.monotonic() - self.quiet > PATIENCE:
                raise SystemExit(f"{len(self.seen)} of {self.count} records came: {self.fault or 'then none'}")
            for shard in until_answered(lambda: self.kinesis.list_shards(StreamName=STREAM))["Shards"]:
                parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} - {None}
                if shard["ShardId"] not in self.begun and parents <= self.ended:
                    self.begun.add(shard["ShardId"])
                    threading.Thread(target=self.guarded, args=(shard["ShardId"],), daemon=True).start()
            time.sleep(0.05)

    def guarded(self, shard):
        try:
            position = {"Type": "TRIM_HORIZON"}
            while position and not self.is_complete():
                position = self.subscription(shard, position)
            self.ended.add(shard)
        except Exception as fault:
            self.fault = repr(fault)

    def subscription(self, shard, position):
        """Reads one subscription to its end; gives the position to go on from, none at the end of the shard."""
        request = {"ConsumerARN": self.consumer, "ShardId": shard, "StartingPosition": position}
        try:
            for event in self.kinesis.subscribe_to_shard(**request)["EventStream"]:
                told = event["SubscribeToShardEvent"]
                self.keep(told["Records"])
                if "ContinuationSequenceNumber" not in told:
                    return None
                position = {"Type": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": told["ContinuationSequenceNumber"]}
                if self.is_complete():
                    return position
        except EventStreamError as error:
            raise AssertionError(f"{shard} ends with an error: {error}") from error
        except ClientError as error:
            # The daemon may hold the last subscription for some seconds.
            if error.response["Error"]["Code"] not in ("ResourceInUseException", "InternalFailure", "ServiceUnavailable"):
                raise
            time.sleep(0.2)
        except (BotoCoreError, HTTPError, OSError):
            time.sleep(0.1)
        return position

    def keep(self, records):
        with self.lock:
            for record in records:
                self.quiet = time.monotonic()
                self.seen.add(record["Data"])
                self.out.write(record["PartitionKey"].encode() + b"\t" + record["Data"] + b"\n")


def follow(endpoint, file, count, consumer):
    with open(file, "wb") as out:
        follower = Follower(endpoint, consumer, out, count)
        follower.run()
        with follower.lock:
            out.flush()
            print(len(follower.ended), flush=True)
            os._exit(0)


def begin(kinesis, iterators, done):
    """Opens shards that were not read before and whose parents were read to their end."""
    for shard in until_answered(lambda: kinesis.list_shards(StreamName=STREAM))["Shards"]:
        name, parents = shard["ShardId"], {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} - {None}
        if name in iterators or name in done or not parents <= done:
            continue
        place = {"StreamName": STREAM, "ShardId": name, "ShardIteratorType": "TRIM_HORIZON"}
        iterators[name] = until_answered(lambda place=place: kinesis.get_shard_iterator(**place))["ShardIterator"]


def reshape(kinesis, draw):
    opened = kinesis.list_shards(StreamName=STREAM, ShardFilter={"Type": "AT_LATEST"})["Shards"]
    opened.sort(key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    if len(opened) < 3 or draw.random() < 0.6:
        shard = draw.choice(opened)
        first, last = (int(shard["HashKeyRange"][end]) for end in ("StartingHashKey", "EndingHashKey"))
        kinesis.split_shard(StreamName=STREAM, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((first + last) // 2))
    else:
        place = draw.randrange(len(opened) - 1)
        one, other = opened[place]["ShardId"], opened[place + 1]["ShardId"]
        kinesis.merge_shards(StreamName=STREAM, ShardToMerge=one, AdjacentShardToMerge=other)


def child(*arguments):
    command = [sys.executable, __file__, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class Server:
    """The daemon, at one address through all its lives."""

    def __init__(self, binary, work):
        self.binary, self.work, self.lives = binary, work, 0
        self.daemon, self.endpoint = None, None
        self.start("127.0.0.1:0")

    def start(self, address):
        deadline = time.monotonic() + rig.PATIENCE
        while True:
            self.daemon = rig.Daemon(self.binary, self.work, self.work / "data", rig.AWS_TOPOLOGY, aws=address)
            if self.daemon.wait_until_serving():
                break
            # Somebody may use the port for a while.
            if time.monotonic() > deadline:
                raise rig.Lost(f"the daemon does not start\n{self.daemon.tail()}")
            time.sleep(0.5)
        self.lives += 1
        self.endpoint = "http://" + json.loads((self.daemon.data / "run.json").read_text())["aws"]

    def kill(self):
        self.daemon.kill()
        self.start(self.endpoint.removeprefix("http://"))


def trips(options, work):
    """The file of trips: the one that is given, or one of made-up trips."""
    if options.file:
        return options.file
    file = work / "trips.jsonl"
    file.write_text("".join(line + "\n" for _, _, line in rig.Trips(options.seed).take(options.trips)))
    return file


def compare(file, read):
    """Every line was read, as it is, and each station's in order; how many were read twice."""
    sent, found, doubled = {}, {}, 0
    lines = file.read_bytes().splitlines()
    for line in lines:
        sent.setdefault(key_of(line).encode(), {})[line] = True
    for record in read.read_bytes().splitlines():
        key, line = record.split(b"\t", 1)
        of_key = found.setdefault(key, {})
        doubled += line in of_key
        of_key[line] = True
    for key, expected in sent.items():
        if list(found.get(key, {})) != list(expected):
            read_of_key = len(found.get(key, {}))
            raise rig.Lost(f"station {key}: {len(expected)} trips were sent, {read_of_key} read, or in another order")
    if len(found) != len(sent):
        raise rig.Lost(f"keys that nobody sent: {set(found) - set(sent)}")
    return len(lines), doubled


def finished(process, what):
    told, _ = process.communicate(timeout=300)
    if process.returncode:
        raise rig.Lost(f"the {what} ended with {process.returncode}: {told}")
    return told


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("file", type=Path, nargs="?", help="trips, one JSON object a line")
    parser.add_argument("--trips", type=int, default=8000)
    parser.add_argument("--kills", type=int, default=3)
    options = parser.parse_args()
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "lab")
    draw, file, polled, pushed = random.Random(options.seed), trips(options, work), work / "polled", work / "pushed"
    server = Server(binary, work)
    kinesis = client(server.endpoint)
    kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    count = len(set(file.read_bytes().splitlines()))
    arn = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]["StreamARN"]
    registered = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="lab")["Consumer"]["ConsumerARN"]
    consumer = child("consume", server.endpoint, polled, count)
    follower = child("follow", server.endpoint, pushed, count, registered)
    producer = child("produce", server.endpoint, file, options.seed)
    reshaped = 0
    for sent in map(int, producer.stdout):
        if sent * (options.kills + 1) >= server.lives * count and server.lives <= options.kills:
            server.kill()
        elif reshaped < 40 and draw.random() < 0.2:
            until_answered(lambda: reshape(kinesis, draw))
            reshaped += 1
    finished(producer, "producer")
    closed = int(finished(consumer, "consumer"))
    finished(follower, "consumer that subscribes")
    compared, doubled = compare(file, polled)
    equal(compare(file, pushed)[0], compared, "trips that were pushed")
    server.daemon.stop()
    print(
        f"{compared} trips byte by byte, polled and pushed, {reshaped} splits and merges, {closed} shards closed, "
        f"{server.lives - 1} kills, {doubled} doubled", flush=True,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["produce"]:
        produce(*sys.argv[2:4], int(sys.argv[4]))
    elif sys.argv[1:2] == ["consume"]:
        consume(*sys.argv[2:4], int(sys.argv[4]))
    elif sys.argv[1:2] == ["follow"]:
        follow(*sys.argv[2:4], int(sys.argv[4]), sys.argv[5])
    else:
        rig.run(main)
