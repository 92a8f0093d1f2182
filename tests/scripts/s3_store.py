#!/usr/bin/env python3
"""Raw objects and tables in a bucket of a local S3 server (moto), through kills and an outage of the
server: every acknowledged trip lies in the bucket once, in objects whose names cover every sequence
without hole or overlap. Needs the Python package moto[server]. Loopback only.
"""

import http.client
import itertools
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree as xml

import rig

BUCKET = "lake"
# moto reads who asks and checks no signature.
SOMEBODY = "AWS4-HMAC-SHA256 Credential=nobody/20200101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
NAME = re.compile(r"/(shardId-\d{12})-(\d{20})-(\d{20})\.jsonl$")
TOPOLOGY = """
[ingress.collector]
to = "trips"

[stream.trips]
shards = 3

[raw.bronze]
from = "trips"
store = "s3://lake/raw/all"
format = "jsonl"
path = "{stream}/{date}"
roll = { bytes = "16KiB", age = "40ms" }

[loader.facts]
from = "trips"
warehouse = "s3://lake/warehouse"
table = "trips"
sql = 'select "_id"."$oid" as trip_id, travel_time as seconds from input'
reject = [{ when = "seconds < 60", reason = "shorter than a minute" }]
commit = { bytes = "1MiB", age = "200ms" }
"""


class Door:
    """A port before the server that can be shut, which is what an outage looks like."""

    def __init__(self, server):
        self.server, self.is_open = server, True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        if not self.is_open:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.server))
        except OSError:
            client.close()
            return
        back = threading.Thread(target=self.carry, args=(server, client), daemon=True)
        back.start()
        self.carry(client, server)

    def carry(self, source, sink):
        try:
            while self.is_open and (piece := source.recv(65536)):
                sink.sendall(piece)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Server:
    """A moto server as a process of its own, with one bucket."""

    def __init__(self, work):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        with open(work / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        deadline = time.monotonic() + rig.PATIENCE
        while True:
            try:
                status, _ = self.request("PUT", f"/{BUCKET}")
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise rig.Skip("the S3 server does not start; see server.log") from None
                time.sleep(0.05)
        if status != 200:
            raise rig.Skip(f"the S3 server makes no bucket: {status}")

    def stop(self):
        self.process.terminate()
        self.process.wait(rig.PATIENCE)

    def request(self, method, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers={"Authorization": SOMEBODY})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def keys(self, prefix):
        token = None
        while True:
            query = {"list-type": "2", "prefix": prefix} | ({"continuation-token": token} if token else {})
            status, text = self.request("GET", f"/{BUCKET}?{urllib.parse.urlencode(query)}")
            if status != 200:
                raise rig.Lost(f"the bucket cannot be listed: {status} {text[:200]!r}")
            tree = xml.fromstring(text)
            space = tree.tag[: tree.tag.index("}") + 1]
            yield from (key.text for key in tree.iter(f"{space}Key"))
            token = tree.findtext(f"{space}NextContinuationToken")
            if not token:
                return

    def text(self, key):
        status, text = self.request("GET", f"/{BUCKET}/{urllib.parse.quote(key)}")
        if status != 200:
            raise rig.Lost(f"{key} cannot be read: {status}")
        return text.decode()


def check_raw(server, books):
    """Ranges without hole or overlap, and in them every acknowledged line once."""
    ranges, identities = {}, set()
    for key in server.keys("raw/all/"):
        match = NAME.search(key)
        if not match:
            raise rig.Lost(f"{key} is no name of an object")
        lines = server.text(key).splitlines()
        first, last = int(match[2]), int(match[3])
        if len(lines) != last - first + 1:
            raise rig.Lost(f"{key} holds {len(lines)} lines")
        ranges.setdefault(match[1], []).append((first, last))
        for line in lines:
            identity = json.loads(line)["_id"]["$oid"]
            if identity in identities:
                raise rig.Lost(f"trip {identity} lies twice in the bucket")
            if books.sent.get(identity, (0, None))[1] != line:
                raise rig.Lost(f"the bucket holds what nobody sent: {line}")
            identities.add(identity)
    for shard, spans in ranges.items():
        spans.sort()
        for (_, last), (first, _) in itertools.pairwise([(0, -1), *spans]):
            if first != last + 1:
                raise rig.Lost(f"{shard} goes on at {first} after {last}")
    missing = [identity for identity in books.acknowledged if identity not in identities]
    if missing:
        raise rig.Lost(f"the bucket lacks {len(missing)} acknowledged trips, such as {missing[0]}")
    return identities, sum(len(spans) for spans in ranges.values())


def query(options, data, environment, sql):
    command = [str(options.caudal), "query", sql, "--data", str(data), "--format", "json"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise rig.Lost(f"{sql} is answered with {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)["n"]


def check_queries(options, data, environment, books, identities):
    short = sum(books.sent[identity][0] < 60 for identity in identities)
    expected = {
        "select count(*) as n from raw.bronze": len(identities),
        "select sum(travel_time) as n from raw.bronze": sum(books.sent[identity][0] for identity in identities),
        "select count(*) as n from warehouse.trips": len(identities) - short,
        "select count(*) as n from quarantine.trips": short,
    }
    for sql, number in expected.items():
        if (found := query(options, data, environment, sql)) != number:
            raise rig.Lost(f"{sql}: {found}, expected {number}")


def run_once(options, work, data, environment, books, door, cycle):
    """One life of the daemon: an outage in every second, and a kill at its end."""
    daemon = rig.Daemon(options.caudal, work, data, TOPOLOGY, environment)
    if not daemon.wait_until_serving():
        raise rig.Lost(f"the daemon does not start\n{daemon.tail()}")
    draw = random.Random(options.seed + cycle)
    producers = rig.Producers(daemon, books, 3, options.seed + 100 * cycle)
    time.sleep(draw.uniform(0.2, 1.0))
    if cycle % 2:
        door.is_open = False
        time.sleep(draw.uniform(0.5, 1.5))
        door.is_open = True
        time.sleep(draw.uniform(0.1, 0.5))
    daemon.kill()
    producers.join()
    if producers.refused:
        raise rig.Lost(f"requests were refused: {producers.refused[:5]}")


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("--kills", type=int, default=4)
    options = parser.parse_args()
    options.caudal = rig.check_binary(options.caudal)
    try:
        import moto.server  # noqa: F401
    except ImportError as missing:
        raise rig.Skip(f"the Python package moto[server] is not installed: {missing}") from missing
    work = rig.work_folder(options, "s3")
    data, books, server = work / "data", rig.Books(options.seed), Server(work)
    data.mkdir()
    try:
        door = Door(server.port)
        environment = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{door.port}",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "unlocks-nothing",
            "AWS_REGION": "eu-south-2",
        }
        for cycle in range(options.kills):
            run_once(options, work, data, environment, books, door, cycle)
        daemon = rig.Daemon(options.caudal, work, data, TOPOLOGY, environment)
        if not daemon.wait_until_serving():
            raise rig.Lost(f"the daemon does not start\n{daemon.tail()}")
        daemon.wait_until_settled()
        identities, objects = check_raw(server, books)
        check_queries(options, data, environment, books, identities)
        if (code := daemon.stop()) != 0:
            raise rig.Lost(f"the drain ended with {code}\n{daemon.tail()}")
        if "unlocks-nothing" in daemon.log.read_text(errors="replace"):
            raise rig.Lost("the log holds the secret key")
        print(f"{len(identities)} trips once each in {objects} objects after {options.kills} kills", flush=True)
    finally:
        server.stop()


rig.run(main)
