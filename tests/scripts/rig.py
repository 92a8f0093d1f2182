"""What the scripts stand on: the daemon as a process, clients with their own books, and readers
that use nothing of Caudal's."""

import argparse
import atexit
import http.client
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

PATIENCE = 60.0
SKIPPED = 77

TOPOLOGY = """
[topology]
name = "proof"
drain_deadline = "40s"

[ingress.collector]
to = "trips"

[stream.trips]
shards = 3

[raw.bronze]
from = "trips"
store = "file://raw"
format = "jsonl"
roll = { bytes = "64KiB", age = "40ms" }

[loader.facts]
from = "trips"
warehouse = "file://warehouse"
table = "trips"
sql = 'select "_id"."$oid" as trip_id, idunplug_station as origin, travel_time as seconds from input'
reject = [{ when = "seconds < 60", reason = "shorter than a minute" }]
commit = { bytes = "256KiB", age = "60ms" }
compact = { every = "2s", target = "8MiB" }
"""
READERS = ("bronze", "facts")

# No stream but those that are made at run time, and the inbox of the writer that a topology has to have.
AWS_TOPOLOGY = """
[ingress.collector]
to = "bronze"

[raw.bronze]
store = "file://raw"
format = "jsonl"
"""


class Skip(Exception):
    """This machine cannot do it."""


class Lost(AssertionError):
    """A promise is broken."""


def equal(found, expected, what):
    if found != expected:
        raise Lost(f"{what}: {found!r}, not {expected!r}")


def run(script):
    """Runs a script's main and turns its end into an exit code: 0 kept, 1 broken, 77 cannot be tried."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    try:
        sys.exit(script() or 0)
    except Skip as reason:
        print(f"skipped: {reason}", flush=True)
        sys.exit(SKIPPED)
    except Lost as fault:
        print(f"FAILED: {fault}", flush=True)
        sys.exit(1)
    except Exception:
        traceback.print_exc()
        sys.exit(1)


def arguments(description, seed=1):
    parser = argparse.ArgumentParser(description=description)
    target = Path(os.environ.get("CARGO_TARGET_DIR", Path(__file__).resolve().parents[2] / "target"))
    parser.add_argument("--caudal", type=Path, default=target / "release" / "caudal", help="the binary")
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--work", type=Path, default=None, help="folder for scratch files")
    parser.add_argument("--keep", action="store_true", help="leave scratch files for a look")
    return parser


def check_binary(binary):
    if not os.access(binary, os.X_OK):
        raise SystemExit(f"{binary} is not there; build it with `cargo build --release` or give --caudal")
    return binary.resolve()


def work_folder(options, name):
    folder = Path(tempfile.mkdtemp(prefix=f"caudal-{name}-", dir=options.work))
    if options.keep:
        print(f"scratch files stay in {folder}", flush=True)
    else:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def need_root(what):
    if os.geteuid() != 0:
        raise Skip(f"{what} needs root")


def need_tools(*tools):
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        raise Skip(f"not installed: {', '.join(missing)}")


def check_not_accused(binary, data):
    """After an end of any kind the doctor calls no object and no file of a table damaged."""
    doctor = subprocess.run([binary, "doctor", data], capture_output=True, text=True, timeout=60)
    if "damaged or missing" in doctor.stderr:
        raise Lost(f"good files are called damaged\n{doctor.stdout}{doctor.stderr}")


class Trips:
    """Trips as Madrid's public bicycles publish them, made from a seed: (id, seconds, line)."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.family = self.random.getrandbits(32)
        self.made = 0

    def one(self):
        self.made += 1
        draw = self.random
        identity = f"{self.family:08x}{self.made:016x}"
        kind = draw.random()
        low, high = (4, 60) if kind < 0.07 else (3601, 600000) if kind < 0.13 else (60, 3601)
        seconds = draw.randrange(low, high)
        line = (
            f'{{ "_id" : {{ "$oid" : "{identity}" }}, "user_day_code" : "{draw.getrandbits(256):064x}", '
            f'"idplug_base" : {draw.randint(1, 30)}, "user_type" : {draw.randint(0, 3)}, '
            f'"idunplug_base" : {draw.randint(1, 30)}, "travel_time" : {seconds}, '
            f'"idunplug_station" : {draw.randint(1, 213)}, "ageRange" : {draw.randint(0, 6)}, '
            f'"idplug_station" : {draw.randint(1, 213)}, "unplug_hourTime" : '
            f'{{ "$date" : "2019-06-01T{draw.randrange(24):02}:00:00.000+0200" }}, "zip_code" : "" }}'
        )
        return identity, seconds, line

    def take(self, count):
        return [self.one() for _ in range(count)]


class Books:
    """What clients sent, and what was acknowledged, in the order of the answers."""

    def __init__(self, seed):
        self.lock = threading.Lock()
        self.trips = Trips(seed)
        self.sent = {}
        self.acknowledged = []
        self.places = {}

    def next(self, count):
        with self.lock:
            batch = self.trips.take(count)
            self.sent.update((identity, (seconds, line)) for identity, seconds, line in batch)
            return batch

    def acknowledge(self, batch, answer):
        records = answer["records"]
        if len(records) != len(batch):
            raise Lost(f"{len(batch)} records were answered with {len(records)} places")
        with self.lock:
            for (identity, _, _), place in zip(batch, records):
                self.acknowledged.append(identity)
                self.places[identity] = (place["shard"], place["sequence"])

    def forget_after(self, count):
        """Time went back to when `count` records were acknowledged: later ones may be there or not."""
        with self.lock:
            for identity in self.acknowledged[count:]:
                self.places.pop(identity, None)
            del self.acknowledged[count:]

    def check(self, data):
        """Every acknowledged record once in raw and once in table or quarantine; others once at most."""
        with self.lock:
            sent, acknowledged, places = dict(self.sent), list(self.acknowledged), dict(self.places)
        raw = {}
        for line in raw_lines(data / "raw"):
            identity = json.loads(line)["_id"]["$oid"]
            if identity in raw:
                raise Lost(f"trip {identity} lies twice in raw")
            if identity not in sent or sent[identity][1] != line:
                raise Lost(f"raw holds what nobody sent: {line}")
            raw[identity] = line
        loaded = {}
        for aside, rows in ((False, accepted_rows(data)), (True, quarantined_rows(data))):
            for identity, shard, sequence in rows:
                if identity in loaded:
                    raise Lost(f"trip {identity} lies twice in warehouse and quarantine")
                if (sent[identity][0] < 60) != aside:
                    raise Lost(f"trip {identity} lies on the wrong side")
                if places.get(identity, (shard, sequence)) != (shard, sequence):
                    raise Lost(f"trip {identity} lies at {shard}/{sequence}, acknowledged at {places[identity]}")
                loaded[identity] = (shard, sequence)
        for name, found in (("raw", raw), ("warehouse and quarantine", loaded)):
            missing = [identity for identity in acknowledged if identity not in found]
            if missing:
                some = ", ".join(f"{identity} at {places[identity]}" for identity in missing[:5])
                raise Lost(f"{name} lacks {len(missing)} of {len(acknowledged)} acknowledged trips: {some}")
        return len(raw)


def raw_lines(folder):
    for path in sorted(folder.rglob("*.jsonl")):
        text = path.read_text()
        if text and not text.endswith("\n"):
            raise Lost(f"{path} ends within a line")
        yield from text.splitlines()


def table_files(folder):
    """Live data files of a Delta table, from its log."""
    live = {}
    for commit in sorted((folder / "_delta_log").glob("*.json")):
        if len(commit.stem) != 20:
            continue
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                live[action["add"]["path"]] = folder / action["add"]["path"]
            if "remove" in action:
                live.pop(action["remove"]["path"], None)
    return [str(path) for path in live.values()]


def table_rows(folder, columns):
    try:
        import duckdb
    except ImportError as missing:
        raise Skip("the Python package duckdb is not installed") from missing
    files = table_files(folder)
    if not files:
        return []
    connection = duckdb.connect()
    try:
        return connection.execute(f"select {columns} from read_parquet(?)", [files]).fetchall()
    finally:
        connection.close()


def accepted_rows(data):
    return table_rows(data / "warehouse" / "trips", "trip_id, _shard, _sequence")


def quarantined_rows(data):
    rows = table_rows(data / "warehouse" / "quarantine" / "trips", "payload, _shard, _sequence")
    return [(json.loads(payload)["_id"]["$oid"], shard, sequence) for payload, shard, sequence in rows]


class Daemon:
    """One process of the daemon, perhaps below another program (such as strace), in a group of its own."""

    def __init__(self, binary, work, data, topology=TOPOLOGY, environment=None, wrapper=(), aws="127.0.0.1:0"):
        self.work = Path(work)
        self.data = Path(data)
        self.log = self.work / "daemon.log"
        file = self.work / "topology.toml"
        file.write_text(topology)
        command = [*wrapper, str(binary), "run", str(file), "--data", str(data), "--ingress", "127.0.0.1:0"]
        command += ["--admin", "127.0.0.1:0", "--aws", aws, "--log-format", "json"]
        (self.data / "run.json").unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.work, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **(environment or {})}, start_new_session=True,
            )
        self.pid = self.ingress = self.admin = None
        atexit.register(self.kill)

    def tail(self, lines=25):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_until_serving(self, patience=PATIENCE):
        """True when it serves, False when it ended before."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                told = json.loads((self.data / "run.json").read_text())
                self.pid = told["pid"]
                self.ingress = next(iter(told["ingress"].values()))
                self.admin = told["admin"]
                return True
            except (OSError, ValueError, KeyError, StopIteration):
                pass
            if self.process.poll() is not None:
                return False
            time.sleep(0.005)
        raise Lost(f"the daemon does not serve within {patience:.0f} s\n{self.tail()}")

    def kill(self):
        """SIGKILL to the process group that was started here."""
        if self.process.poll() is None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()

    def stop(self, patience=PATIENCE):
        """SIGTERM; returns the exit code."""
        os.kill(self.pid, signal.SIGTERM)
        return self.wait(patience)

    def wait(self, patience=PATIENCE):
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise Lost(f"the daemon does not end within {patience:.0f} s\n{self.tail()}") from None

    def get(self, path, patience=10):
        connection = http.client.HTTPConnection(self.admin, timeout=patience)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def settled(self, since):
        """Whether an observation made after `since` (seconds) shows that no record is on its way."""
        health = json.loads(self.get("/health")[1])
        if health["observed_at_ms"] < since * 1000 + 150:
            return False
        seen = [health["nodes"][name]["observation"] for name in READERS]
        return all(node["tally"] and node["backlog"] == node["in_flight"] == 0 for node in seen)

    def wait_until_settled(self, patience=PATIENCE):
        begun, deadline = time.time(), time.monotonic() + patience
        while not self.settled(begun):
            if time.monotonic() > deadline:
                raise Lost(f"records do not reach their ends: {self.get('/health')[1]!r}\n{self.tail()}")
            time.sleep(0.02)


def aws_endpoint(daemon):
    """Where clients of AWS find a daemon, when it serves."""
    if not daemon.wait_until_serving():
        raise Lost(f"the daemon does not start\n{daemon.tail()}")
    return "http://" + json.loads((daemon.data / "run.json").read_text())["aws"]


class Client:
    """Posts batches over one connection; any doubt is an OSError."""

    def __init__(self, daemon, books, patience=15):
        self.connection = http.client.HTTPConnection(daemon.ingress, timeout=patience)
        self.books = books

    def post(self, batch):
        """The status of one try; a 200 is written into the books."""
        body = "".join(line + "\n" for _, _, line in batch).encode()
        try:
            self.connection.request("POST", "/streams/trips/records", body)
            answer = self.connection.getresponse()
            text = answer.read()
        except (http.client.HTTPException, OSError) as fault:
            self.connection.close()
            raise OSError(str(fault)) from fault
        if answer.status == 200:
            self.books.acknowledge(batch, json.loads(text))
        return answer.status


class Producers:
    """Threads that post until the daemon is gone."""

    def __init__(self, daemon, books, count, seed, largest=20):
        self.stopped = threading.Event()
        self.refused = []
        self.threads = [
            threading.Thread(target=self.produce, args=(daemon, books, random.Random(seed + number), largest))
            for number in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def produce(self, daemon, books, draw, largest):
        client = Client(daemon, books)
        while not self.stopped.is_set():
            time.sleep(draw.uniform(0, 0.02))
            try:
                status = client.post(books.next(draw.randint(1, largest)))
            except OSError:
                return
            if status != 200:
                self.refused.append(status)
                time.sleep(0.02)

    def join(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(PATIENCE)
            if thread.is_alive():
                raise Lost("a client waits for an answer that does not come")
