#!/usr/bin/env python3
"""Message-move tasks with boto3 and by Query on a daemon: dead letters back to where they came from and to a
queue of choice, refusals in AWS's words, and tasks that kills -9 and orderly ends interrupt, of standard and
of FIFO queues. Then long polls that end: with a client that hangs up, and with a drain. Needs boto3.
"""

import base64
import http.client
import json
import random
import threading
import time
import urllib.parse

import rig
from rig import equal
from sqs_boto3 import SPACE, Service, query, refused

TOPOLOGY = """
[ingress.collector]
to = "trips"

[stream.trips]
shards = 1

[queue.letters]
from = "trips"
"""
WRONG, GONE = "InvalidParameterValue", "ResourceNotFoundException"


def arn(name):
    return f"arn:aws:sqs:us-east-1:000000000000:{name}"


def make(sqs, name, dies_into=None, **attributes):
    if dies_into:
        attributes["RedrivePolicy"] = json.dumps({"deadLetterTargetArn": arn(dies_into), "maxReceiveCount": 1})
    if name.endswith(".fifo"):
        attributes["FifoQueue"] = "true"
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def held(sqs, url):
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    return int(told["ApproximateNumberOfMessages"])


def until(what, holds, patience=rig.PATIENCE):
    deadline = time.monotonic() + patience
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise rig.Lost(f"it does not come to {what}")
        time.sleep(0.02)
    return found


def task(sqs, source):
    return sqs.list_message_move_tasks(SourceArn=arn(source))["Results"][0]


def ended(sqs, source):
    return until(f"the end of the task of {source}", lambda: (
        (now := task(sqs, source))["Status"] not in ("RUNNING", "CANCELLING") and now
    ))


def take_all(sqs, url):
    """Every message of a queue, each deleted once it is received, in order of receipt."""
    found = []
    while True:
        told = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"])
        messages = told.get("Messages", [])
        if not messages:
            return found
        found += messages
        handles = [{"Id": str(at), "ReceiptHandle": one["ReceiptHandle"]} for at, one in enumerate(messages)]
        equal(len(sqs.delete_message_batch(QueueUrl=url, Entries=handles)["Successful"]), len(messages), "deletions")


def fill(sqs, url, bodies, group=None):
    for first in range(0, len(bodies), 10):
        entries = [{"Id": str(at), "MessageBody": body} for at, body in enumerate(bodies[first:first + 10])]
        if group:
            entries = [{**entry, "MessageGroupId": group(entry["MessageBody"]), "MessageDeduplicationId": entry["MessageBody"]}
                       for entry in entries]
        equal(len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]), len(entries), "messages sent")


def home(sqs):
    """Each letter goes back to the queue that it came from, as a new message."""
    dead, sources = make(sqs, "dead"), {}
    for name in ("jobs", "tasks"):
        sources[name] = make(sqs, name, "dead", VisibilityTimeout="0")
        for number in range(4):
            sqs.send_message(
                QueueUrl=sources[name], MessageBody=f"{name} {number}",
                MessageAttributes={"n": {"DataType": "Number", "StringValue": str(number)}},
            )
        for _ in range(4):
            sqs.receive_message(QueueUrl=sources[name])
    until("eight dead letters", lambda: held(sqs, dead) == 8)
    seen = sqs.receive_message(QueueUrl=dead, VisibilityTimeout=0, MessageSystemAttributeNames=["All"])["Messages"][0]
    equal(seen["Attributes"]["DeadLetterQueueSourceArn"], arn(seen["Body"].split()[0]), "where a letter comes from")
    handle = sqs.start_message_move_task(SourceArn=arn("dead"))["TaskHandle"]
    equal(json.loads(base64.b64decode(handle))["sourceArn"], arn("dead"), "what the handle says")
    now = ended(sqs, "dead")
    equal((now["Status"], now["ApproximateNumberOfMessagesMoved"], now["ApproximateNumberOfMessagesToMove"]), ("COMPLETED", 8, 8), "the task")
    equal([name in now for name in ("TaskHandle", "DestinationArn", "FailureReason")], [False] * 3, "what it does not tell")
    for name, url in sources.items():
        back = sqs.receive_message(QueueUrl=url, VisibilityTimeout=600, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"])
        message = back["Messages"][0]
        equal((message["Body"].split()[0], message["Attributes"]["ApproximateReceiveCount"]), (name, "1"), "a letter at home")
        equal(message["MessageAttributes"]["n"]["StringValue"], message["Body"].split()[1], "its attribute")
        equal("DeadLetterQueueSourceArn" in message["Attributes"], False, "a letter no more")
        sqs.delete_queue(QueueUrl=url)


def refusals(sqs, address):
    dead, other = sqs.get_queue_url(QueueName="dead")["QueueUrl"], make(sqs, "other")
    make(sqs, "source", "dead")
    make(sqs, "other.fifo")
    start, order = sqs.start_message_move_task, {"SourceArn": arn("dead"), "DestinationArn": arn("other")}
    refused(WRONG, start, SourceArn="dead")
    refused(GONE, start, SourceArn=arn("nothing"))
    equal(refused(WRONG, start, SourceArn=arn("other")), "Source queue must be configured as a Dead Letter Queue.", "words")
    refused(GONE, start, SourceArn=arn("dead"), DestinationArn=arn("nothing"))
    refused(WRONG, start, SourceArn=arn("dead"), DestinationArn=arn("other.fifo"))
    refused(WRONG, start, **order, MaxNumberOfMessagesPerSecond=501)
    for handle in ("foobared", base64.b64encode(b"[]").decode()):
        equal(refused(WRONG, sqs.cancel_message_move_task, TaskHandle=handle), "Value for parameter TaskHandle is invalid.", "words")
    none = base64.b64encode(json.dumps({"taskId": "x", "sourceArn": arn("dead")}).encode()).decode()
    equal(refused(GONE, sqs.cancel_message_move_task, TaskHandle=none), "Task does not exist.", "words")
    fill(sqs, dead, [f"letter {number}" for number in range(20)])
    begun = time.monotonic()
    handle = start(**order, MaxNumberOfMessagesPerSecond=2)["TaskHandle"]
    refused(WRONG, start, **order)
    until("six letters", lambda: held(sqs, other) >= 6)
    if time.monotonic() - begun < 2:
        raise rig.Lost("six messages came within 2 s at 2 a second")
    status, told = query(address, "/", {"Action": "ListMessageMoveTasks", "SourceArn": arn("dead"), "MaxResults": 10})
    entries = told.findall(f"{SPACE}ListMessageMoveTasksResult/{SPACE}ListMessageMoveTasksResultEntry")
    found = [(entry.findtext(f"{SPACE}Status"), entry.findtext(f"{SPACE}TaskHandle")) for entry in entries]
    equal((status, found), (200, [("RUNNING", handle), ("COMPLETED", None)]), "tasks by Query, the latest first")
    status, told = query(address, "/", {"Action": "CancelMessageMoveTask", "TaskHandle": handle})
    moved = int(told.findtext(f"{SPACE}CancelMessageMoveTaskResult/{SPACE}ApproximateNumberOfMessagesMoved"))
    now = ended(sqs, "dead")
    equal((now["Status"], now["ApproximateNumberOfMessagesMoved"]), ("CANCELLED", moved), "a task that was cancelled")
    equal((held(sqs, other), held(sqs, dead)), (moved, 20 - moved), "what it has moved and left")
    start(**order, MaxNumberOfMessagesPerSecond=1)
    sqs.delete_queue(QueueUrl=other)
    now = ended(sqs, "dead")
    equal((now["Status"], now["FailureReason"]), ("FAILED", "AWS.SimpleQueueService.NonExistentQueue"), "a task without its destination")
    start(SourceArn=arn("dead"))
    now = ended(sqs, "dead")
    equal((now["Status"], now["FailureReason"]), ("FAILED", "CouldNotDetermineMessageSource"), "letters that nobody wrote")


def interrupted(start, draw, ending, count=1500):
    """A task that kills and orderly ends interrupt moves every message once."""
    daemon, sqs = start(None)
    source, target = make(sqs, f"broken{ending}"), make(sqs, f"whole{ending}")
    make(sqs, f"writer{ending}", f"broken{ending}")
    bodies = [f"{number % 7}-{number:05}" for number in range(count)]
    fill(sqs, source, bodies, group=(lambda body: body[0]) if ending else None)
    sqs.start_message_move_task(SourceArn=arn(f"broken{ending}"), DestinationArn=arn(f"whole{ending}"), MaxNumberOfMessagesPerSecond=500)
    kills = 0
    while True:
        time.sleep(draw.uniform(0.05, 0.6))
        if kills % 3 == 2:
            equal(daemon.stop(), 0, "the code of an orderly end")
        else:
            daemon.kill()
        kills += 1
        daemon, sqs = start(daemon)
        source, target = (sqs.get_queue_url(QueueName=name + ending)["QueueUrl"] for name in ("broken", "whole"))
        if task(sqs, f"broken{ending}")["Status"] != "RUNNING":
            break
        if kills > 60:
            raise rig.Lost("the task makes no headway")
    now = task(sqs, f"broken{ending}")
    found = (now["Status"], now["ApproximateNumberOfMessagesMoved"], now["ApproximateNumberOfMessagesToMove"])
    equal(found, ("COMPLETED", count, count), f"the task after {kills} interruptions")
    arrived = [message["Body"] for message in take_all(sqs, target)]
    equal(sorted(arrived), sorted(bodies), "messages moved")
    if ending:
        for group in "0123456":
            of_it = [body for body in arrived if body[0] == group]
            equal(of_it, sorted(of_it), f"the order of group {group}")
    equal(take_all(sqs, source), [], "messages left")
    return daemon, sqs, kills


def polls(daemon, sqs):
    """Nobody who has gone takes a message, and a drain waits for nobody."""
    url = make(sqs, "polled", VisibilityTimeout="600")
    place = urllib.parse.urlsplit(sqs.client.meta.endpoint_url)
    asked = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20})
    kinds = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ReceiveMessage"}
    kinds["Authorization"] = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0"
    for _ in range(5):
        connection = http.client.HTTPConnection(place.netloc)
        connection.request("POST", "/", asked, {**kinds, "X-Amz-Date": "20260101T000000Z"})
        time.sleep(0.2)
        connection.close()
    time.sleep(0.5)
    fill(sqs, url, ["for who is there"])
    got = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5).get("Messages", [])
    equal([message["Body"] for message in got], ["for who is there"], "a message after five clients have hung up")
    answers = []

    def wait():
        answers.append(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []))

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    equal(daemon.stop(patience=15), 0, "the code of a drain with eight long polls")
    for thread in threads:
        thread.join(25)
    equal(answers, [[]] * 8, "what they were answered")


def main():
    options = rig.arguments(__doc__).parse_args()
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "sqs-moves")
    draw = random.Random(options.seed)

    def start(before):
        daemon = before if before and before.process.poll() is None else rig.Daemon(binary, work, work / "data", TOPOLOGY)
        return daemon, Service(rig.aws_endpoint(daemon))

    daemon, sqs = start(None)
    home(sqs)
    refusals(sqs, rig.aws_endpoint(daemon))
    daemon.kill()
    daemon, sqs, kills = interrupted(start, draw, "")
    daemon.kill()
    daemon, sqs, more = interrupted(start, draw, ".fifo")
    polls(daemon, sqs)
    print(f"tasks kept every message through {kills + more} kills and ends", flush=True)


if __name__ == "__main__":
    rig.run(main)
