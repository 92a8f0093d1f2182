"""Receives from its queue with boto3, as on AWS: `run = { command = ["python3", "examples/python/pull.py"], pulls = true }`.
Where the queue is it finds in its environment. Trips go into a file for each process; what is deleted is done, what
fails comes again after the visibility timeout. Needs the Python package boto3.
"""

import json
import os
import signal
import sys
from pathlib import Path

import boto3

stopped = False


def stop(*_):
    global stopped
    stopped = True


def review(trip):
    return {"trip_id": trip["_id"]["$oid"], "hours": trip["travel_time"] // 3600}


def main(folder):
    signal.signal(signal.SIGTERM, stop)
    queue = boto3.resource("sqs").Queue(os.environ["CAUDAL_QUEUE_URL"])
    # `batch` of the pool. Who ends over one message has had the others of its batch, too.
    most = min(10, int(os.environ["CAUDAL_BATCH"]))
    with open(Path(folder) / f"{os.environ['CAUDAL_WORKER']}-{os.getpid()}.jsonl", "a") as out:
        while not stopped:
            # A wait this short lets the process end soon after it is asked to.
            messages = queue.receive_messages(MaxNumberOfMessages=most, WaitTimeSeconds=1)
            for message in messages:
                out.write(json.dumps(review(json.loads(message.body))) + "\n")
            out.flush()
            if messages:
                entries = [{"Id": str(at), "ReceiptHandle": each.receipt_handle} for at, each in enumerate(messages)]
                queue.delete_messages(Entries=entries)


if __name__ == "__main__":
    main(sys.argv[1])
