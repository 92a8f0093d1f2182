#!/usr/bin/env python3
"""Workers that receive by themselves: the daemon starts, scales, watches and stops programs that are written with boto3,
and tells each where its queue is. One is killed, one message kills whoever has it until it is put aside, and nothing is
lost; a FIFO queue of the topology has a pool of its own. Needs the Python package boto3.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import boto3
import rig
from rig import equal

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "python"
TRIPS = 900
# The example, but that it takes its time, and that one trip is too much for it.
SLOW = """
import os, sys, time
sys.path.insert(0, sys.argv[2])
import pull
def review(trip, told=pull.review):
    time.sleep(0.01)
    if trip["_id"]["$oid"] == sys.argv[3]:
        os.abort()
    return told(trip)
pull.review = review
pull.main(sys.argv[1])
"""


def topology(work, poison):
    slow = json.dumps([sys.executable, str(work / "slow.py"), str(work / "rides"), str(EXAMPLE), poison])
    plain = json.dumps([sys.executable, str(EXAMPLE / "pull.py"), str(work / "tickets")])
    return f"""
[topology]
drain_deadline = "30s"

[ingress.collector]
to = "trips"

[stream.trips]
shards = 1

[queue.rides]
from = "trips"
visibility_timeout = "5s"
dead_letter = {{ queue = "refused", max_receives = 3 }}

[queue.tickets]
from = "trips"
fifo = true

[workers.review]
from = "rides"
batch = 1
scale = {{ min = 1, max = 3, goal_age = "1s" }}

[workers.review.run]
command = {slow}
pulls = true
env = {{ PYTHONDONTWRITEBYTECODE = "1" }}

[workers.sell]
from = "tickets"
scale = {{ min = 2, max = 2 }}

[workers.sell.run]
command = {plain}
pulls = true
env = {{ PYTHONDONTWRITEBYTECODE = "1" }}
"""


def reviewed(folder):
    """The trips of all processes, and the processes."""
    files = list(folder.glob("*.jsonl"))
    trips = [json.loads(line)["trip_id"] for file in files for line in file.read_text().splitlines() if line.endswith("}")]
    return trips, {int(file.stem.rsplit("-", 1)[1]) for file in files}


def wait_for(what, is_so, daemon):
    deadline = time.monotonic() + rig.PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise rig.Lost(f"{what}: not within {rig.PATIENCE:.0f} s\n{daemon.get('/health')[1]!r}\n{daemon.tail()}")
        time.sleep(0.05)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def main():
    options = rig.arguments(__doc__).parse_args()
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "pulls")
    for name in ("rides", "tickets"):
        (work / name).mkdir()
    (work / "slow.py").write_text(SLOW)
    books = rig.Books(options.seed)
    batch = books.next(TRIPS)
    poison = batch[TRIPS // 2][0]
    daemon = rig.Daemon(binary, work, work / "data", topology(work, poison))
    endpoint = rig.aws_endpoint(daemon)
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    sqs = boto3.client("sqs", endpoint_url=endpoint, region_name="us-east-1", **keys)
    equal(rig.Client(daemon, books).post(batch), 200, "the answer to the trips")
    rides, tickets = work / "rides", work / "tickets"
    wait_for("three processes that work", lambda: len(reviewed(rides)[1]) >= 3, daemon)
    victim = min(reviewed(rides)[1])
    os.kill(victim, signal.SIGKILL)
    expected = {identity for identity, _, _ in batch}
    wait_for("all reviews", lambda: set(reviewed(rides)[0]) >= expected - {poison}, daemon)
    wait_for("all tickets", lambda: set(reviewed(tickets)[0]) == expected, daemon)
    equal(len(reviewed(tickets)[0]), TRIPS, "tickets, each once")
    refused = sqs.get_queue_url(QueueName="refused")["QueueUrl"]
    letters = []
    wait_for("the dead letter", lambda: letters.extend(
        sqs.receive_message(QueueUrl=refused, WaitTimeSeconds=1).get("Messages", [])) or letters, daemon)
    equal([json.loads(letter["Body"])["_id"]["$oid"] for letter in letters], [poison], "what was put aside")
    processes = {*reviewed(rides)[1], *reviewed(tickets)[1]}
    equal(daemon.stop(), 0, "how the daemon ended")
    equal([pid for pid in processes if is_alive(pid)], [], "processes that are left")
    doubled = len(reviewed(rides)[0]) - len(set(reviewed(rides)[0]))
    print(f"{TRIPS} trips pulled by {len(processes)} processes, {doubled} twice after kills", flush=True)


if __name__ == "__main__":
    rig.run(main)
