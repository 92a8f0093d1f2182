#!/usr/bin/env python3
"""Reads what Caudal stored with tools that are not Caudal's (Python deltalake, DuckDB, zlib) and compares
it with a computation of its own over the input. Takes a file of trips, one JSON object a line; makes
trips of its own without one. Needs the Python packages deltalake and duckdb.
"""

import json
import random
import struct
import threading
import time
import zlib
from collections import defaultdict
from pathlib import Path

import rig

CLIENTS = 4


def read_input(options):
    if options.input is None:
        return [line for _, _, line in rig.Trips(options.seed).take(8000)]
    return [line for line in options.input.read_text().splitlines() if line.strip()]


def compute(lines):
    """What must come out: by origin (rides, seconds), and the ids of the short trips."""
    totals, short, long_enough = defaultdict(lambda: [0, 0]), set(), set()
    for line in lines:
        trip = json.loads(line)
        identity = trip["_id"]["$oid"]
        if trip["travel_time"] < 60:
            short.add(identity)
            continue
        long_enough.add(identity)
        totals[trip["idunplug_station"]][0] += 1
        totals[trip["idunplug_station"]][1] += trip["travel_time"]
    return {origin: tuple(total) for origin, total in totals.items()}, long_enough, short


class Input:
    """Lines to post, shared out to the clients; answers are only counted."""

    def __init__(self, lines):
        self.lock = threading.Lock()
        self.accepted = 0
        self.lines = lines

    def acknowledge(self, batch, answer):
        if len(answer["records"]) != len(batch) or answer["faults"]:
            raise rig.Lost(f"a batch of {len(batch)} was answered {answer}")
        with self.lock:
            self.accepted += len(batch)

    def post(self, daemon, lines, draw, faults):
        client = rig.Client(daemon, self)
        try:
            while lines:
                count = draw.randint(1, 300)
                batch, lines = lines[:count], lines[count:]
                status = client.post([(None, None, line) for line in batch])
                if status != 200:
                    raise rig.Lost(f"a batch was answered {status}")
        except (OSError, AssertionError) as fault:
            faults.append(fault)


def post_all(daemon, lines, seed):
    shared, faults = Input(lines), []
    share = -(-len(lines) // CLIENTS)
    clients = [
        threading.Thread(target=shared.post, args=(daemon, lines[at : at + share], random.Random(seed + at), faults))
        for at in range(0, len(lines), share)
    ]
    for client in clients:
        client.start()
    for client in clients:
        client.join(rig.PATIENCE)
    if faults:
        raise rig.Lost(f"{faults[0]}\n{daemon.tail()}")
    return shared.accepted


def same(what, found, expected):
    if found != expected:
        raise rig.Lost(f"{what}: found {str(found)[:400]}, expected {str(expected)[:400]}")
    print(f"{what}: as computed", flush=True)


def check_with_deltalake(warehouse, expected, long_enough, short):
    from deltalake import DeltaTable, QueryBuilder

    table = DeltaTable(str(warehouse / "trips"))
    aside = DeltaTable(str(warehouse / "quarantine" / "trips"))
    query = QueryBuilder().register("trips", table).register("aside", aside)

    def columns(sql):
        rows = query.execute(sql).read_all()
        return [rows.column(number).to_pylist() for number in range(rows.num_columns)]

    origins, rides, seconds = columns("select origin, count(*), sum(seconds) from trips group by origin")
    same("deltalake, rides and seconds by origin", dict(zip(origins, zip(rides, seconds))), expected)
    same("deltalake, ids", sorted(columns("select trip_id from trips")[0]), sorted(long_enough))
    payloads = columns("select cast(payload as varchar) from aside")[0]
    same("deltalake, quarantine", sorted(json.loads(text)["_id"]["$oid"] for text in payloads), sorted(short))
    return table, aside


def check_with_duckdb(table, aside, lines, expected):
    import duckdb

    connection = duckdb.connect()
    files, others = table.file_uris(), aside.file_uris()
    sql = "select origin, count(*), sum(seconds) from read_parquet(?) group by origin"
    found = {origin: (rides, int(seconds)) for origin, rides, seconds in connection.execute(sql, [files]).fetchall()}
    same("duckdb, rides and seconds by origin", found, expected)
    sql = "select _shard, _sequence from read_parquet(?)"
    places = connection.execute(sql, [files]).fetchall()
    if others:
        places += connection.execute(sql, [others]).fetchall()
    by_shard = defaultdict(list)
    for shard, sequence in places:
        by_shard[shard].append(sequence)
    # Dense identity: a hole would be a loss.
    dense = {shard: list(range(len(numbers))) for shard, numbers in by_shard.items()}
    same("duckdb, sequences without holes", {shard: sorted(numbers) for shard, numbers in by_shard.items()}, dense)
    same("duckdb, rows in all", len(places), len(lines))


def check_checksums(data):
    """Every object and table file against the checksums beside it, in Hadoop's form."""
    files = [path for folder in ("raw", "warehouse") for path in (data / folder).rglob("*") if path.is_file()]
    files = [path for path in files if not path.name.startswith(".") and path.name != "_last_checkpoint"]
    wrong = []
    for path in [*files, data / "catalog.json"]:
        content, sums = path.read_bytes(), path.with_name(f".{path.name}.crc").read_bytes()
        magic, each = struct.unpack_from(">4si", sums)
        parts = [content[at : at + each] for at in range(0, len(content), each)]
        if magic != b"crc\0" or sums[8:] != b"".join(struct.pack(">I", zlib.crc32(part)) for part in parts):
            wrong.append(path)
    same(f"zlib, checksums of {len(files) + 1} files", wrong, [])


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("input", type=Path, nargs="?", default=None)
    options = parser.parse_args()
    options.caudal = rig.check_binary(options.caudal)
    try:
        import deltalake
        import duckdb
    except ImportError as missing:
        raise rig.Skip(f"{missing}; `pip install deltalake duckdb`") from missing
    print(f"deltalake {deltalake.__version__}, duckdb {duckdb.__version__}", flush=True)
    lines = read_input(options)
    expected, long_enough, short = compute(lines)
    work = rig.work_folder(options, "readers")
    data = work / "data"
    daemon = rig.Daemon(options.caudal, work, data)
    if not daemon.wait_until_serving():
        raise rig.Lost(daemon.tail())
    begun = time.monotonic()
    same("acknowledged", post_all(daemon, lines, options.seed), len(lines))
    daemon.wait_until_settled()
    print(f"posted and settled in {time.monotonic() - begun:.1f} s", flush=True)
    same("exit code", daemon.stop(), 0)
    same("raw, byte for byte", sorted(rig.raw_lines(data / "raw")), sorted(lines))
    check_checksums(data)
    table, aside = check_with_deltalake(data / "warehouse", expected, long_enough, short)
    check_with_duckdb(table, aside, lines, expected)
    return 0


if __name__ == "__main__":
    rig.run(main)
