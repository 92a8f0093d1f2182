#!/usr/bin/env python3
"""A record processor for the Kinesis Client Library, as anybody writes it for AWS: it writes what it is given
into a journal of its own, and checkpoints every so many records.

The library starts one process of it for each shard that it holds. CAUDAL_JOURNAL names the journal's folder.
"""

import json
import os
import sys
import time
from pathlib import Path

from amazon_kclpy import kcl
from amazon_kclpy.v3 import processor

EVERY = 50
# What a record's work takes, so that a kill finds some of it undone.
WORK = 0.002


class Journal(processor.RecordProcessorBase):
    def __init__(self):
        self.file = None
        self.since = 0

    def write(self, **entry):
        print(json.dumps({"at": time.monotonic_ns(), **entry}), file=self.file, flush=True)

    def checkpoint(self, checkpointer, number=None):
        for attempt in range(20):
            try:
                checkpointer.checkpoint(number)
                self.since = 0
                self.write(checkpoint=number or "end")
                return
            except kcl.CheckpointError as error:
                print(f"a checkpoint failed: {error.value}", file=sys.stderr)
                if error.value == "ShutdownException":
                    return
                time.sleep(0.2)
        raise SystemExit("no checkpoint succeeds")

    def initialize(self, given):
        name = f"{given.shard_id}.{time.time_ns()}.{os.getpid()}.jsonl"
        self.file = open(Path(os.environ["CAUDAL_JOURNAL"]) / name, "w")
        self.write(begun=given.shard_id, place=given.sequence_number)

    def process_records(self, given):
        for record in given.records:
            time.sleep(WORK)
            self.write(number=record.sequence_number, key=record.partition_key, data=record.binary_data.decode())
            self.since += 1
            if self.since >= EVERY:
                self.checkpoint(given.checkpointer, record.sequence_number)

    def lease_lost(self, given):
        self.write(ended="lease lost")

    def shard_ended(self, given):
        self.write(ended="shard ended")
        self.checkpoint(given.checkpointer)

    def shutdown_requested(self, given):
        self.write(ended="shutdown requested")
        self.checkpoint(given.checkpointer)


if __name__ == "__main__":
    kcl.KCLProcess(Journal()).run()
