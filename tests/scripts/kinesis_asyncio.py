#!/usr/bin/env python3
"""An asyncio library of other people (async-kinesis) as producer and consumer: its consumer keeps checkpoints
in a local DynamoDB (moto), is killed and started again while a shard is split, and nothing is lost or out
of order. Then aiobotocore subscribes to all shards at once, and aggregated records are carried. Needs the Python
package async-kinesis[dynamodb,kpl], and moto[server] in the Python of --moto.
"""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import rig
from aiobotocore.session import AioSession
from kinesis import Consumer, Producer
from kinesis.dynamodb import DynamoDBCheckPointer
from kinesis.processors import KPLJsonProcessor

STREAM, REGION = "trips", "us-east-1"
STATIONS = 20
# Leases of a consumer that was killed are taken over after so many seconds.
LEASE = 3

async def produce(endpoint, seed, first, last):
    """Puts trips; those of a station are counted through all calls."""
    draw, next_of = random.Random(seed), {}
    async with Producer(STREAM, endpoint_url=endpoint, region_name=REGION, buffer_time=0.05) as producer:
        for number in range(last):
            station = draw.randrange(STATIONS)
            place = next_of.get(station, 0)
            next_of[station] = place + 1
            if number >= first:
                await producer.put({"station": station, "place": place}, partition_key=f"station {station}")
    print(json.dumps(next_of), flush=True)


async def consume(endpoint, leases, name):
    """Prints trips as they come, until it is told to stop or killed."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    checkpoints = DynamoDBCheckPointer(
        "lab", id=name, endpoint_url=leases, region_name=REGION, session_timeout=LEASE, heartbeat_frequency=1
    )
    options = {"record_limit": 50, "shard_fetch_rate": 5, "sleep_time_no_records": 0.1, "idle_timeout": 0.5}
    async with Consumer(
        STREAM, endpoint_url=endpoint, region_name=REGION, checkpointer=checkpoints, use_list_shards=True, **options
    ) as consumer:
        while not stopped.is_set():
            async for trip in consumer:
                print(json.dumps(trip), flush=True)
                if stopped.is_set():
                    break


async def ask(endpoint, operation, **request):
    keys = {"endpoint_url": endpoint, "region_name": REGION}
    async with AioSession().create_client("kinesis", **keys) as kinesis:
        return await getattr(kinesis, operation)(**request)


async def follow(endpoint):
    """Subscribes to every shard, all at once; gives the trips in the order in which each shard has them."""
    keys = {"endpoint_url": endpoint, "region_name": REGION}
    async with AioSession().create_client("kinesis", **keys) as kinesis:
        arn = (await kinesis.describe_stream_summary(StreamName=STREAM))["StreamDescriptionSummary"]["StreamARN"]
        consumer = (await kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="lab"))["Consumer"]["ConsumerARN"]
        shards = [shard["ShardId"] for shard in (await kinesis.list_shards(StreamName=STREAM))["Shards"]]
        every = asyncio.gather(*(subscription(kinesis, consumer, shard) for shard in shards))
        read = await asyncio.wait_for(every, rig.PATIENCE)
    return [trip for of_shard in read for trip in of_shard]


async def subscription(kinesis, consumer, shard):
    request = {"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": {"Type": "TRIM_HORIZON"}}
    found = []
    async for event in (await kinesis.subscribe_to_shard(**request))["EventStream"]:
        told = event["SubscribeToShardEvent"]
        found += [json.loads(record["Data"]) for record in told["Records"]]
        if "ContinuationSequenceNumber" not in told or told["MillisBehindLatest"] == 0:
            return found
    raise rig.Lost(f"the subscription to {shard} ended after {len(found)} records")


async def aggregate(endpoint):
    """Many trips in one record, as Amazon's producer library writes them, come back as they were."""
    trips = [{"trip": number, "note": "x" * 500} for number in range(500)]
    place = {"endpoint_url": endpoint, "region_name": REGION, "processor": KPLJsonProcessor()}
    async with Producer("aggregated", create_stream=True, **place) as producer:
        for trip in trips:
            await producer.put(trip)
    found, deadline = [], time.monotonic() + rig.PATIENCE
    async with Consumer("aggregated", sleep_time_no_records=0.1, idle_timeout=0.5, **place) as consumer:
        while len(found) < len(trips) and time.monotonic() < deadline:
            found += [trip async for trip in consumer]
    if found != trips:
        raise rig.Lost(f"{len(trips)} aggregated trips were put, {len(found)} came back, or others")


class Reading:
    """A consumer in a process of its own, and what it has printed."""

    def __init__(self, work, *arguments):
        self.trips, self.log = [], work / f"consumer-{arguments[-1]}.log"
        with open(self.log, "ab") as log:
            self.process = child("consume", *arguments, errors=log)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.trips.append(json.loads(line))

    def wait_for(self, is_enough):
        """False when it ends by itself before."""
        deadline = time.monotonic() + rig.PATIENCE
        while not is_enough(self.trips):
            if self.process.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise rig.Lost(f"the consumer read {len(self.trips)} trips, then none\n{self.told()}")
            time.sleep(0.02)
        return True

    def told(self):
        return self.log.read_text()[-3000:]

    def end(self, number):
        self.process.send_signal(number)
        try:
            self.process.wait(rig.PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise rig.Lost(f"the consumer does not stop\n{self.told()}") from None
        self.thread.join(rig.PATIENCE)
        return list(self.trips)


def read_until(is_enough, runs, work, *arguments):
    """Consumers one after the other until enough was read; adds what each has read to `runs`. The library ends
    with an error when it lets go of a closed shard while a checkpoint of it is on its way: then the next begins."""
    for turn in range(5):
        consumer = Reading(work, *arguments[:-1], f"{arguments[-1]}-{turn}")
        is_done = consumer.wait_for(lambda trips: is_enough([*runs, list(trips)]))
        runs.append(consumer.end(signal.SIGTERM))
        if is_done:
            return
    raise rig.Lost(f"consumers end again and again\n{consumer.told()}")


def child(*arguments, errors=None):
    command = [sys.executable, __file__, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)


def put(endpoint, seed, first, last):
    told, _ = (process := child("produce", endpoint, seed, first, last)).communicate(timeout=rig.PATIENCE)
    if process.returncode:
        raise rig.Lost(f"the producer ended with {process.returncode}")
    return {int(station): count for station, count in json.loads(told).items()}


def in_order(runs):
    """How many trips of each station were read in order, whatever was read again after a kill."""
    next_of, again = {}, 0
    for trip in (trip for run in runs for trip in run):
        expected = next_of.get(trip["station"], 0)
        if trip["place"] > expected:
            raise rig.Lost(f"station {trip['station']}: trip {trip['place']} came, {expected} was expected")
        again += trip["place"] < expected
        next_of[trip["station"]] = max(expected, trip["place"] + 1)
    return next_of, again


def dynamo(python, work):
    """moto's server, for the leases."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with open(work / "dynamo.log", "ab") as log:
        command = [python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    deadline = time.monotonic() + rig.PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return server, f"http://127.0.0.1:{port}"
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise rig.Skip("the server for leases does not start; see dynamo.log") from None
            time.sleep(0.05)


def lab(options, work, leases):
    daemon = rig.Daemon(rig.check_binary(options.caudal), work, work / "data", rig.AWS_TOPOLOGY)
    endpoint = rig.aws_endpoint(daemon)
    asyncio.run(ask(endpoint, "create_stream", StreamName=STREAM, ShardCount=2))
    half = options.trips // 2
    put(endpoint, options.seed, 0, half)
    place = work, endpoint, leases
    consumer = Reading(*place, "first")
    if not consumer.wait_for(lambda trips: len(trips) > half // 2):
        raise rig.Lost(f"the consumer ended\n{consumer.told()}")
    split = {"ShardToSplit": "shardId-000000000001", "NewStartingHashKey": str(3 * 2**126)}
    asyncio.run(ask(endpoint, "split_shard", StreamName=STREAM, **split))
    runs = [consumer.end(signal.SIGKILL)]
    for last, name in ((options.trips, "second"), (options.trips + STATIONS, "third")):
        sent = put(endpoint, options.seed, half, last)
        half = last
        read_until(lambda read, sent=sent: in_order(read)[0] == sent, runs, *place, name)
    next_of, again = in_order(runs)
    if next_of != sent:
        raise rig.Lost(f"{sum(sent.values())} were sent, {sum(next_of.values())} read in order")
    if again > options.trips // 2:
        raise rig.Lost(f"{again} trips were read again: checkpoints are not used")
    pushed = in_order([asyncio.run(follow(endpoint))])
    if pushed != (sent, 0):
        raise rig.Lost(f"{sum(sent.values())} were sent, {sum(pushed[0].values())} pushed in order, {pushed[1]} twice")
    asyncio.run(aggregate(endpoint))
    daemon.stop()
    print(f"{sum(sent.values())} trips read by consumers {[len(run) for run in runs]}, {again} of them again", flush=True)


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("--trips", type=int, default=1200)
    parser.add_argument("--moto", default=sys.executable, help="the Python that has moto[server]")
    options = parser.parse_args()
    os.environ.update({"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION})
    work = rig.work_folder(options, "asyncio")
    server, leases = dynamo(options.moto, work)
    try:
        lab(options, work, leases)
    finally:
        server.kill()
        server.wait()


if __name__ == "__main__":
    if sys.argv[1:2] == ["produce"]:
        asyncio.run(produce(sys.argv[2], *map(int, sys.argv[3:6])))
    elif sys.argv[1:2] == ["consume"]:
        asyncio.run(consume(*sys.argv[2:5]))
    else:
        rig.run(main)
