#!/usr/bin/env python3
"""Damages one thing in one file of a data folder, again and again: the daemon and `caudal doctor` must
give back identical records or refuse by name. Silently wrong or missing is the only failure.

The folders are real: one closed cleanly, one killed. The same then for raw objects, tables, their
checksums and the catalog: `caudal query` gives identical answers or refuses by name, and the doctor
names what is damaged or missing. The crate's own tests make 100,000 such mutations in process; this one
shows that the whole program keeps the promise.
"""

import random
import shutil
import subprocess
import time
from collections import Counter

import rig

ENVIRONMENT = {"CAUDAL__STORAGE__LOG_FILE": "128KiB", "CAUDAL__STORAGE__SNAPSHOT": "192KiB"}
# Reads the whole stream again, from the first record, under a reader name of its own.
READ_ALL = """
[topology]
name = "read-all"

[ingress.collector]
to = "trips"

[stream.trips]
shards = 3

[raw.again]
from = "trips"
store = "file://again"
format = "jsonl"
roll = { bytes = "16MiB", age = "30ms" }
"""
LAST_BATCH = 7
# Objects of every format.
TOPOLOGY = rig.TOPOLOGY + "".join(
    f"""
[raw.{name}]
from = "trips"
store = "file://objects/{name}"
format = "{form}"
roll = {{ bytes = "16KiB", age = "40ms" }}
"""
    for name, form in (("gzip", "jsonl.gz"), ("zstd", "jsonl.zst"), ("columns", "parquet"))
)
LINES = "select \"_id\"['$oid'] as id, travel_time, idplug_station from raw.{} order by 1"
# What a file is asked for, by where it lies.
QUESTIONS = {
    "raw": LINES.format("bronze"),
    "objects/gzip": LINES.format("gzip"),
    "objects/zstd": LINES.format("zstd"),
    "objects/columns": "select _shard, _sequence, _key, data from raw.columns order by 1, 2",
    "warehouse/trips": "select trip_id, origin, seconds from warehouse.trips order by 1",
    "warehouse/quarantine": "select payload, reason, _shard, _sequence from quarantine.trips order by 3, 4",
    "": "show tables",
}
OF_THE_LOG = ("log", "state")


def make_folder(options, work, name, clean):
    """A data folder with records in several log files; returns it with its books."""
    folder = work / name
    folder.mkdir()
    books = rig.Books(options.seed)
    daemon = rig.Daemon(options.caudal, folder, folder / "data", TOPOLOGY, ENVIRONMENT)
    if not daemon.wait_until_serving():
        raise rig.Lost(f"the daemon does not start\n{daemon.tail()}")
    client = rig.Client(daemon, books)
    for number in range(40):
        if client.post(books.next(5 + number)) != 200:
            raise rig.Lost("a good batch was refused")
    daemon.wait_until_settled()
    if client.post(books.next(LAST_BATCH)) != 200:
        raise rig.Lost("a good batch was refused")
    if clean:
        if daemon.stop() != 0:
            raise rig.Lost(f"no clean end\n{daemon.tail()}")
    else:
        daemon.kill()
    (folder / "data" / "run.json").unlink(missing_ok=True)
    return folder / "data", books


def mutate(path, files, draw):
    """Changes one thing; returns what was done, or None when nothing changed."""
    size = path.stat().st_size
    kind = draw.choice(("flip", "flip", "zero", "truncate", "swap", "missing", "noise"))
    if kind == "missing":
        path.unlink()
        return kind
    if size == 0:
        return None
    content = bytearray(path.read_bytes())
    before = bytes(content)
    at = draw.randrange(size)
    if kind == "flip":
        content[at] ^= 1 << draw.randrange(8)
    elif kind == "zero":
        start = at - at % 4096
        content[start : start + 4096] = bytes(len(content[start : start + 4096]))
    elif kind == "noise":
        content[at : at + 64] = draw.randbytes(len(content[at : at + 64]))
    elif kind == "truncate":
        del content[at:]
    elif kind == "swap" and size > 8192:
        first, second = (4096 * draw.randrange(size // 4096) for _ in range(2))
        one, other = content[first : first + 4096], content[second : second + 4096]
        content[first : first + 4096], content[second : second + 4096] = other, one
    if bytes(content) == before:
        return None
    path.write_bytes(content)
    return f"{kind} at {at} of {size}"


def outcome(options, folder, data, books, may_lose):
    """'identical' or how it was refused; Lost when it is neither."""
    doctor = subprocess.run([options.caudal, "doctor", data], capture_output=True, text=True, timeout=60)
    daemon = rig.Daemon(options.caudal, folder, data, READ_ALL, ENVIRONMENT)
    try:
        if not daemon.wait_until_serving(20):
            if doctor.returncode == 0:
                raise rig.Lost(f"doctor finds nothing, but the daemon refuses\n{daemon.tail()}")
            if daemon.process.returncode != 4:
                raise rig.Lost(f"refused with code {daemon.process.returncode}\n{daemon.tail()}")
            return "refused at start"
        found = read_again(daemon, data, books)
    finally:
        daemon.kill()
    wrong = [line for line in found if line not in found_lines(books)]
    if wrong:
        raise rig.Lost(f"wrong record: {wrong[0]}")
    missing = [identity for identity in books.acknowledged if books.sent[identity][1] not in found]
    if not missing:
        return "identical" if doctor.returncode == 0 else "identical, named by doctor"
    if set(missing) <= may_lose:
        return "torn tail cut"
    told = daemon.log.read_text(errors="replace") + doctor.stdout + doctor.stderr
    if doctor.returncode != 0 or "damaged" in told:
        return "refused while reading"
    raise rig.Lost(f"{len(missing)} records are missing and nobody says so\n{doctor.stdout}\n{daemon.tail()}")


def found_lines(books):
    if not hasattr(books, "lines"):
        books.lines = {line for _, line in books.sent.values()}
    return books.lines


def read_again(daemon, data, books):
    """Lines that the fresh reader stored, once all are there or nothing more comes."""
    deadline = time.monotonic() + 4
    last = (0, time.monotonic())
    while time.monotonic() < deadline:
        found = set(rig.raw_lines(data / "again"))
        if len(found) >= len(books.acknowledged) or daemon.process.poll() is not None:
            return found
        if len(found) != last[0]:
            last = (len(found), time.monotonic())
        elif time.monotonic() - last[1] > 1.0:
            return found
        time.sleep(0.03)
    return set(rig.raw_lines(data / "again"))


def question(below):
    return next(sql for place, sql in QUESTIONS.items() if str(below).startswith(place))


def ask(options, data, sql):
    """The answer, or None and what was told instead."""
    query = [options.caudal, "query", sql, "--data", data, "--format", "json"]
    done = subprocess.run(query, capture_output=True, text=True, timeout=60)
    return (done.stdout, "") if done.returncode == 0 else (None, done.stderr)


def outcome_of_data(options, data, path, what, expected):
    """'identical' or how it was refused; Lost when it is neither."""
    # Damaged checksums are told of the file that they belong to.
    name = path.name[1:-4] if path.name.startswith(".") and path.name.endswith(".crc") else path.name
    doctor = subprocess.run([options.caudal, "doctor", data], capture_output=True, text=True, timeout=60)
    answer, told = ask(options, data, question(path.relative_to(data)))
    named = doctor.returncode == 4 and name in doctor.stdout
    if answer == expected:
        return "identical, named by doctor" if named else "identical"
    if answer is None and name not in told:
        raise rig.Lost(f"refused, but not by name: {told}")
    # The table's hint has no checksums: the doctor names the log that it stands in.
    if not named and not (name == "_last_checkpoint" and doctor.returncode == 4):
        raise rig.Lost(f"the doctor does not name it\n{doctor.stdout}{told}")
    if answer is None:
        return "refused by the query"
    if what != "missing":
        raise rig.Lost("the answer is silently wrong")
    return "missing, named by doctor"


def is_covered(path):
    return path.name == "_last_checkpoint" or path.suffix == ".crc" or path.with_name(f".{path.name}.crc").exists()


def mutate_data(options, work, originals, draw, deadline):
    """Raw objects, tables and the catalog, in one copy of each folder that is mended after each mutation."""
    outcomes, answers, copies = Counter(), {}, []
    for clean, original, _ in originals:
        copies.append(work / f"data-{'clean' if clean else 'killed'}" / "data")
        shutil.copytree(original, copies[-1])
    for number in range(options.data_mutations):
        if time.monotonic() > deadline:
            print("stopped at the limit", flush=True)
            break
        data = copies[number % 2]
        files = [path for path in sorted(data.rglob("*")) if path.is_file()]
        files = [path for path in files if path.relative_to(data).parts[0] not in OF_THE_LOG]
        files = [path for path in files if path.parent != data or "catalog.json" in path.name]
        # A kill may have come between a file and its checksums.
        path = draw.choice([path for path in files if is_covered(path)])
        asked = (data, question(path.relative_to(data)))
        if asked not in answers:
            answers[asked], told = ask(options, *asked)
            if answers[asked] is None:
                raise rig.Lost(f"an undamaged folder is not answered: {told}")
        before = path.read_bytes()
        what = mutate(path, files, draw)
        if what is not None:
            try:
                outcomes[outcome_of_data(options, data, path, what, answers[asked])] += 1
            except rig.Lost as fault:
                raise rig.Lost(f"data mutation {number} of {path.relative_to(data)}, {what}: {fault}") from fault
            path.write_bytes(before)
    return outcomes


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("--mutations", type=int, default=120)
    parser.add_argument("--data-mutations", type=int, default=120, help="of raw objects, tables and the catalog")
    parser.add_argument("--limit", type=int, default=400, help="seconds")
    options = parser.parse_args()
    options.caudal = rig.check_binary(options.caudal)
    work = rig.work_folder(options, "corruption")
    draw = random.Random(options.seed)
    begun = time.monotonic()
    originals = [(clean, *make_folder(options, work, name, clean)) for name, clean in (("clean", True), ("killed", False))]
    for clean, original, _ in originals:
        doctor = subprocess.run([options.caudal, "doctor", original], capture_output=True, text=True, timeout=60)
        if doctor.returncode != 0 or (clean and "without checksums" in doctor.stdout):
            raise rig.Lost(f"an undamaged folder is not found whole\n{doctor.stdout}{doctor.stderr}")
    outcomes = mutate_data(options, work, originals, draw, begun + options.limit / 2)
    done = sum(outcomes.values())
    print(f"{done} mutations of data files, seed {options.seed}: {dict(outcomes)}", flush=True)
    if done == 0 or len(outcomes) < 2:
        raise rig.Lost("the mutations had no effect")
    outcomes = Counter()
    for number in range(options.mutations):
        if time.monotonic() - begun > options.limit:
            print(f"stopped at the limit of {options.limit} s", flush=True)
            break
        clean, original, books = originals[number % 2]
        folder = work / f"mutation-{number}"
        data = folder / "data"
        folder.mkdir()
        shutil.copytree(original, data)
        own = [path for path in sorted(data.rglob("*")) if path.is_file()]
        own = [path for path in own if path.relative_to(data).parts[0] not in ("raw", "objects", "warehouse")]
        path = draw.choice(own)
        what = mutate(path, own, draw)
        if what is None:
            shutil.rmtree(folder)
            continue
        # In a killed folder the end of the log looks like a torn write, whatever harmed it.
        may_lose = set() if clean else set(books.acknowledged[-LAST_BATCH:])
        try:
            outcomes[outcome(options, folder, data, books, may_lose)] += 1
        except rig.Lost as fault:
            state = "clean" if clean else "killed"
            raise rig.Lost(f"mutation {number} of {path.relative_to(data)} ({state}), {what}: {fault}") from fault
        shutil.rmtree(folder)
    done = sum(outcomes.values())
    print(f"{done} mutations in {time.monotonic() - begun:.0f} s, seed {options.seed}: {dict(outcomes)}", flush=True)
    if done == 0 or len(outcomes) < 2:
        raise rig.Lost("the mutations had no effect")
    return 0


if __name__ == "__main__":
    rig.run(main)
