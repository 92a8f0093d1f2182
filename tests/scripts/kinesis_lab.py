#!/usr/bin/env python3
"""A producer and a consumer in processes of their own, both written for AWS: boto3 and an endpoint. While
they work, shards are split and merged. Every record that was acknowledged is read, and in order for each
key. Needs the Python package boto3.
"""

import json
import random
import subprocess
import sys
import time

import boto3
import kinesis_boto3
import rig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

STREAM = "bicimad"
STATIONS = 40


def client(endpoint):
    config = Config(retries={"max_attempts": 10, "mode": "standard"}, connect_timeout=2, read_timeout=10)
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


def produce(endpoint, seed, count):
    """Puts trips, a batch at a time; each station's trips are counted from 0."""
    kinesis, draw, next_of = client(endpoint), random.Random(seed), {}
    sent = 0
    while sent < count:
        entries = []
        for _ in range(draw.randint(1, 100)):
            station = draw.randrange(STATIONS)
            place = next_of.get(station, 0)
            next_of[station] = place + 1
            trip = {"station": station, "place": place, "seconds": draw.randint(30, 4000)}
            entries.append({"PartitionKey": str(station), "Data": json.dumps(trip).encode()})
        while entries:
            put = until_answered(lambda: kinesis.put_records(StreamName=STREAM, Records=entries))
            entries = [entry for entry, told in zip(entries, put["Records"]) if "ErrorCode" in told]
        sent = sum(next_of.values())
    print(json.dumps(next_of), flush=True)


def consume(endpoint, seed, patience):
    """Reads every shard, children after their parents, until nothing comes for a while."""
    kinesis, seen, doubled = client(endpoint), {}, 0
    iterators, done, quiet = {}, set(), time.monotonic()
    while time.monotonic() - quiet < patience:
        shards = until_answered(lambda: kinesis.list_shards(StreamName=STREAM))["Shards"]
        for shard in shards:
            name, parents = shard["ShardId"], {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} - {None}
            if name in iterators or name in done or not parents <= done:
                continue
            place = {"StreamName": STREAM, "ShardId": name, "ShardIteratorType": "TRIM_HORIZON"}
            iterators[name] = until_answered(lambda: kinesis.get_shard_iterator(**place))["ShardIterator"]
        for name, iterator in list(iterators.items()):
            answer = until_answered(lambda: kinesis.get_records(ShardIterator=iterator, Limit=1000))
            for record in answer["Records"]:
                quiet = time.monotonic()
                trip = json.loads(record["Data"])
                station, expected = str(trip["station"]), seen.get(str(trip["station"]), 0)
                if trip["place"] > expected:
                    raise SystemExit(f"station {station}: trip {trip['place']} came, {expected} was expected")
                doubled += trip["place"] < expected
                seen[station] = max(expected, trip["place"] + 1)
            if answer.get("NextShardIterator"):
                iterators[name] = answer["NextShardIterator"]
            else:
                del iterators[name]
                done.add(name)
    print(json.dumps({"seen": seen, "doubled": doubled, "closed": len(done)}), flush=True)


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


def result(process, what):
    told, _ = process.communicate(timeout=300)
    if process.returncode:
        raise rig.Lost(f"the {what} ended with {process.returncode}: {told}")
    return json.loads(told)


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("--trips", type=int, default=20000)
    options = parser.parse_args()
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "lab")
    draw = random.Random(options.seed)
    daemon = rig.Daemon(binary, work, work / "data", kinesis_boto3.TOPOLOGY)
    endpoint = kinesis_boto3.endpoint(daemon)
    kinesis = client(endpoint)
    kinesis.create_stream(StreamName=STREAM, ShardCount=2)
    producer = child("produce", endpoint, options.seed, options.trips)
    consumer = child("consume", endpoint, options.seed, 8)
    reshaped = 0
    while producer.poll() is None and reshaped < 40:
        time.sleep(draw.uniform(0.05, 0.3))
        until_answered(lambda: reshape(kinesis, draw))
        reshaped += 1
    sent, read = result(producer, "producer"), result(consumer, "consumer")
    if {station: count for station, count in read["seen"].items()} != sent:
        raise rig.Lost(f"{sum(sent.values())} were sent, {sum(read['seen'].values())} read in order")
    daemon.stop()
    print(f"{sum(sent.values())} trips, {reshaped} splits and merges, {read['closed']} shards closed, {read['doubled']} doubled", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["produce"]:
        produce(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1:2] == ["consume"]:
        consume(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    else:
        rig.run(main)
