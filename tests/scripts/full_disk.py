#!/usr/bin/env python3
"""A load test fills the disk of its daemon: what was accepted before, meanwhile and after is there once.

The daemon gets a file system of 600 MiB for itself, which needs root. `caudal load` sends to it, takes all but a
mebibyte of the disk for a while, gives it back, and proves from the raw objects.
"""

import contextlib
import json
import os
import subprocess

import rig

TOPOLOGY = """
[topology]
name = "full-disk"
[ingress.door]
to = "trips"
[stream.trips]
partition_key = "/key"
[raw.bronze]
from = "trips"
store = "file://raw"
roll = { bytes = "1MiB", age = "200ms" }
"""
SCENARIO = """
scenario = {{ name = "full-disk", about = "The disk is full for a while", topology = "topology.toml", seed = {seed} }}
target = {{ stream = "trips", connections = 4 }}
records = {{ kind = "trips" }}
proof = {{ raw = ["bronze"], within = "120s" }}
[[stage]]
name = "all"
for = "12s"
arrival = {{ kind = "constant", rate = 200 }}
[[fault]]
stage = "all"
after = "3s"
kind = "disk_full"
free = "1MiB"
lasting = "4s"
[thresholds]
losses = 0
duplicates = 0
unsent = 1.0
"""
# With less room than this nothing is accepted.
FLOOR = "6MiB"


@contextlib.contextmanager
def small_disk(place):
    """A file system of 600 MiB at a folder."""
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600m", "tmpfs", place], capture_output=True, text=True)
    if mounted.returncode != 0:
        raise rig.Skip(f"no file system can be mounted: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        if subprocess.run(["umount", place]).returncode != 0:
            subprocess.run(["umount", "--lazy", place])


def main():
    options = rig.arguments(__doc__.splitlines()[0]).parse_args()
    binary = rig.check_binary(options.caudal)
    rig.need_root("mounting a file system")
    rig.need_tools("mount", "umount")
    folder = rig.work_folder(options, "full-disk")
    (folder / "topology.toml").write_text(TOPOLOGY)
    (folder / "scenario.toml").write_text(SCENARIO.format(seed=options.seed))
    environment = {**os.environ, "CAUDAL__STORAGE__FREE_SPACE_FLOOR": FLOOR}
    told = folder / "outcome.json"
    with small_disk(folder / "disk") as disk:
        command = [binary, "load", folder / "scenario.toml", "--data", disk / "data", "--json", told]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    print(done.stdout, end="")
    if done.returncode != 0:
        raise rig.Lost(f"exit code {done.returncode}\n{done.stderr[-2000:]}")
    outcome = json.loads(told.read_text())
    totals, proof = outcome["totals"], outcome["proof"]
    for fault in ("losses", "duplicates", "inversions", "refused_stored"):
        rig.equal(proof[fault], 0, fault)
    rig.equal(outcome["faults"][0]["detail"].endswith(" bytes were taken and given back"), True, "the fault")
    rig.equal(totals["refused"] > 0, True, "some are refused while the disk is full")
    during = [sample["accepted"] for sample in outcome["samples"] if 4 < sample["second"] < 6]
    after = [sample["accepted"] for sample in outcome["samples"] if sample["second"] > 9]
    print(f"accepted a second: {during} while it is full, {after} after it")
    rig.equal(sum(after) > 0, True, "some are accepted after it")


if __name__ == "__main__":
    rig.run(main)
