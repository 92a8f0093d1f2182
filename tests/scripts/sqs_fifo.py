#!/usr/bin/env python3
"""FIFO queues with boto3, over JSON and over Query, on a daemon: order and groups, deduplication, receive attempts,
expired handles, dead letters, a FIFO queue of the topology fed by a stream, AWS's limits where they are asked for,
and a kill -9 after which order, numbers and what was sent before are as they were. Needs the Python package boto3.
"""

import http.client
import json
import threading
import time

import boto3
import rig
import sqs_query_model
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from rig import equal

TOPOLOGY = """
[ingress.collector]
to = "trips"

[stream.trips]
shards = 2

[queue.rides]
from = "trips"
fifo = true
visibility_timeout = "600s"
"""
TOLD = ["MessageGroupId", "MessageDeduplicationId", "SequenceNumber"]
BY_CONTENT = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
EXPIRED = "Reason: The receipt handle has expired."
OTHER_KIND = "Reason: The request include parameter that is not valid for this queue type."


def client(address, protocol, service="sqs"):
    session = sqs_query_model.session() if protocol == "query" else boto3.Session()
    return session.client(
        service, endpoint_url=address, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 1}, read_timeout=40),
    )


def refused(code, call, **request):
    try:
        answer = call(**request)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code, f"the refusal of {request}")
        return error.response["Error"]["Message"]
    raise rig.Lost(f"{request} was answered {answer}, not refused with {code}")


def receive(sqs, url, most=10, wait=0, **more):
    told = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=most, WaitTimeSeconds=wait, AttributeNames=["All"], **more
    )
    return told.get("Messages", [])


def bodies(messages):
    return [message["Body"] for message in messages]


def delete(sqs, url, messages):
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def making(sqs, prefix):
    name = f"{prefix}-tickets.fifo"
    url = sqs.create_queue(QueueName=name, Attributes=BY_CONTENT)["QueueUrl"]
    equal(sqs.create_queue(QueueName=name, Attributes=BY_CONTENT)["QueueUrl"], url, "the same queue")
    equal(sqs.get_queue_url(QueueName=name)["QueueUrl"], url, "its URL")
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    expected = {**BY_CONTENT, "DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}
    equal({name: told[name] for name in expected}, expected, "attributes of a FIFO queue")
    message = refused("InvalidParameterValue", sqs.create_queue, QueueName=name)
    equal(message, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length", "no FIFO")
    message = refused("InvalidParameterValue", sqs.create_queue, QueueName="x", Attributes={"FifoQueue": "true"})
    equal(message.startswith("The name of a FIFO queue can only include"), True, message)
    message = refused("InvalidAttributeName", sqs.create_queue, QueueName="x", Attributes={"FifoQueue": "false"})
    equal(message, "Unknown Attribute FifoQueue.", "an attribute that standard queues do not know")
    refused("QueueAlreadyExists", sqs.create_queue, QueueName=name, Attributes={**BY_CONTENT, "DelaySeconds": "1"})
    high = {"FifoThroughputLimit": "perMessageGroupId"}
    refused("InvalidAttributeValue", sqs.set_queue_attributes, QueueUrl=url, Attributes=high)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={**high, "DeduplicationScope": "messageGroup"})
    back = {"FifoThroughputLimit": "perQueue", "DeduplicationScope": "queue"}
    sqs.set_queue_attributes(QueueUrl=url, Attributes=back)
    return url


def order(sqs, url):
    sent = []
    for seat in range(4):
        for concert in ("rock", "jazz"):
            body = f"{concert} seat {seat}"
            sent.append(sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=concert))
    numbers = [answer["SequenceNumber"] for answer in sent]
    equal(numbers, sorted(numbers), "sequence numbers ascend")
    equal({len(number) for number in numbers}, {20}, "their digits")
    first = receive(sqs, url, 3)
    equal(bodies(first), [f"rock seat {seat}" for seat in range(3)], "as much of one group as fits")
    for message, answer in zip(first, sent[::2]):
        told = message["Attributes"]
        equal(told["SequenceNumber"], answer["SequenceNumber"], "a sequence number")
        equal((told["MessageGroupId"], message["MessageId"]), ("rock", answer["MessageId"]), "group and id")
        equal(len(told["MessageDeduplicationId"]), 64, "SHA-256 of the body")
    jazz = receive(sqs, url)
    equal(bodies(jazz), [f"jazz seat {seat}" for seat in range(4)], "the other group, and nothing of the first")
    delete(sqs, url, first[:2])
    equal(receive(sqs, url), [], "the group is blocked by its third message")
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first[2]["ReceiptHandle"], VisibilityTimeout=0)
    again = receive(sqs, url)
    equal(bodies(again), ["rock seat 2", "rock seat 3"], "after visibility 0")
    delete(sqs, url, again + jazz)
    equal(receive(sqs, url), [], "the end")


def deduplication(sqs, url):
    first = sqs.send_message(QueueUrl=url, MessageBody="once", MessageGroupId="g")
    attributes = {"try": {"DataType": "Number", "StringValue": "2"}}
    second = sqs.send_message(QueueUrl=url, MessageBody="once", MessageGroupId="h", MessageAttributes=attributes)
    same = ("MessageId", "SequenceNumber")
    equal([second[name] for name in same], [first[name] for name in same], "a message sent twice")
    delete(sqs, url, receive(sqs, url))
    third = sqs.send_message(QueueUrl=url, MessageBody="once", MessageGroupId="g")
    equal(([third[name] for name in same], receive(sqs, url)), ([first[name] for name in same], []), "after deletion")
    entries = [
        {"Id": str(at), "MessageBody": f"batch {at}", "MessageGroupId": "g", "MessageDeduplicationId": f"d-{at % 5}"}
        for at in range(10)
    ]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    ids = [entry["MessageId"] for entry in answer["Successful"]]
    equal((len(ids), ids[:5]), (10, ids[5:]), "a batch that repeats itself")
    received = receive(sqs, url)
    equal(bodies(received), [f"batch {at}" for at in range(5)], "a batch in its order")
    delete(sqs, url, received)
    without = {"QueueUrl": url, "MessageBody": "x"}
    message = refused("MissingParameter", sqs.send_message, **without)
    equal(message, "The request must contain the parameter MessageGroupId.", "without a group")
    message = refused("InvalidParameterValue", sqs.send_message, **without, MessageGroupId="g", DelaySeconds=5)
    equal(message, f"Value 5 for parameter DelaySeconds is invalid. {OTHER_KIND}", "a delay")


def attempts(sqs, url, standard):
    for at in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=f"attempt {at}", MessageGroupId="g")
    first = receive(sqs, url, 2, ReceiveRequestAttemptId="one")
    again = receive(sqs, url, 2, ReceiveRequestAttemptId="one")
    equal((bodies(first), bodies(again)), (["attempt 0", "attempt 1"],) * 2, "a receive asked again")
    equal(receive(sqs, url, ReceiveRequestAttemptId="two"), [], "another attempt")
    delete(sqs, url, [first[0], again[1]])
    delete(sqs, url, receive(sqs, url))
    message = refused("InvalidParameterValue", receive, sqs=sqs, url=standard, ReceiveRequestAttemptId="one")
    equal(message.endswith(OTHER_KIND), True, message)


def handles(sqs, url, standard):
    """An expired handle hides and deletes a message of a standard queue and not of a FIFO queue."""
    sqs.send_message(QueueUrl=url, MessageBody="expired", MessageGroupId="g")
    sqs.send_message(QueueUrl=standard, MessageBody="expired")
    held = [receive(sqs, queue, 1, VisibilityTimeout=1)[0]["ReceiptHandle"] for queue in (url, standard)]
    time.sleep(1.5)
    sqs.change_message_visibility(QueueUrl=standard, ReceiptHandle=held[1], VisibilityTimeout=30)
    equal(receive(sqs, standard), [], "hidden again by an expired handle")
    refused("InvalidParameterValue", sqs.change_message_visibility, QueueUrl=url, ReceiptHandle=held[0], VisibilityTimeout=30)
    sqs.delete_message(QueueUrl=standard, ReceiptHandle=held[1])
    equal(receive(sqs, standard), [], "deleted by an expired handle")
    message = refused("InvalidParameterValue", sqs.delete_message, QueueUrl=url, ReceiptHandle=held[0])
    equal(message, f"Value {held[0]} for parameter ReceiptHandle is invalid. {EXPIRED}", "an expired handle")
    again = receive(sqs, url)
    equal(bodies(again), ["expired"], "what an expired handle left")
    delete(sqs, url, again)
    delete(sqs, url, again)


def waiting(sqs, address, url):
    """Whoever waits is woken when a group goes on."""
    for at in range(2):
        sqs.send_message(QueueUrl=url, MessageBody=f"wake {at}", MessageGroupId="g")
    held, got = receive(sqs, url, 1), []
    thread = threading.Thread(target=lambda: got.extend(receive(client(address, "json"), url, wait=20)))
    thread.start()
    time.sleep(0.5)
    begun = time.monotonic()
    delete(sqs, url, held)
    thread.join(30)
    equal(bodies(got), ["wake 1"], "who waited")
    equal(time.monotonic() - begun < 15, True, "it was woken")
    delete(sqs, url, got)


def dead_letters(sqs, prefix, standard):
    dead = sqs.create_queue(QueueName=f"{prefix}-dead.fifo", Attributes=BY_CONTENT)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})}
    message = refused("InvalidParameterValue", sqs.set_queue_attributes, QueueUrl=standard, Attributes=policy)
    equal(message.endswith("Reason: Dead-letter queue must be same type of queue as the source.."), True, message)
    attributes = {**BY_CONTENT, **policy, "VisibilityTimeout": "0"}
    url = sqs.create_queue(QueueName=f"{prefix}-poison.fifo", Attributes=attributes)["QueueUrl"]
    sent = [sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId="g")["MessageId"] for body in "ab"]
    equal(bodies(receive(sqs, url)), ["a", "b"], "before they move")
    moved, deadline = [], time.monotonic() + 30
    while len(moved) < 2 and time.monotonic() < deadline:
        some = receive(sqs, dead, 1, wait=5)
        delete(sqs, dead, some)
        moved += some
    equal(bodies(moved), ["a", "b"], "dead letters in their order")
    equal({message["Attributes"]["MessageGroupId"] for message in moved}, {"g"}, "their group")
    source = moved[0]["Attributes"]["DeadLetterQueueSourceArn"]
    equal(source.rsplit(":", 1)[1], f"{prefix}-poison.fifo", "where they come from")
    equal([message["MessageId"] for message in moved], sent, "their ids")


def of_the_topology(sqs, address, prefix):
    url = sqs.get_queue_url(QueueName="rides.fifo")["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    equal((told["FifoQueue"], told["VisibilityTimeout"]), ("true", "600"), "what the topology says")
    equal(told["QueueArn"].rsplit(":", 1)[1], "rides.fifo", "its name")
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName="rides")
    stream = client(address, "json", "kinesis")
    for at in range(5):
        stream.put_record(StreamName="trips", PartitionKey=prefix, Data=json.dumps({"at": at}).encode())
    received, deadline = [], time.monotonic() + 30
    while len(received) < 5 and time.monotonic() < deadline:
        some = receive(sqs, url, wait=5)
        delete(sqs, url, some)
        received += some
    equal([json.loads(message["Body"])["at"] for message in received], list(range(5)), "records in their order")
    equal({message["Attributes"]["MessageGroupId"] for message in received}, {prefix}, "their group")
    equal(all(name in received[0]["Attributes"] for name in TOLD), True, "what is told of them")
    known = {"MessageGroupId": prefix, "MessageDeduplicationId": f"{prefix}-1"}
    sqs.send_message(QueueUrl=url, MessageBody="by a client", **known)
    messages = receive(sqs, url, wait=5)
    equal(bodies(messages), ["by a client"], "a message beside the stream")
    delete(sqs, url, messages)


def limits(sqs, address, url):
    """A receive without a library costs little, so many at once are soon more than 300 a second."""
    throttled = threading.Event()
    body, headers = json.dumps({"QueueUrl": url}).encode(), {"Content-Type": "application/x-amz-json-1.0"}
    request = AWSRequest("POST", address, {**headers, "X-Amz-Target": "AmazonSQS.ReceiveMessage"}, body)
    SigV4Auth(Credentials("test", "test"), "sqs", "us-east-1").add_auth(request)

    def hammer():
        connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
        while not throttled.is_set() and time.monotonic() < deadline:
            connection.request("POST", "/", body, dict(request.headers))
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != 200:
                equal((answer.status, json.loads(told)["message"]), (400, "Rate exceeded"), "a refusal")
                equal(answer.headers["x-amzn-query-error"], "Throttling;Sender", "its name in Query")
                throttled.set()

    for value, expected, seconds in (("on", True, 30), ("off", False, 2)):
        sqs.tag_queue(QueueUrl=url, Tags={"caudal:limits": value})
        throttled.clear()
        deadline = time.monotonic() + seconds
        threads = [threading.Thread(target=hammer) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        equal(throttled.is_set(), expected, f"limits that are {value}")


def before_the_kill(sqs):
    high = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    attributes = {**BY_CONTENT, **high, "VisibilityTimeout": "600"}
    url = sqs.create_queue(QueueName="kept.fifo", Attributes=attributes)["QueueUrl"]
    sent = [
        sqs.send_message(QueueUrl=url, MessageBody=f"{group}{at}", MessageGroupId=group)
        for at in range(3) for group in "xy"
    ]
    held = receive(sqs, url, 1)
    equal(bodies(held), ["x0"], "what is held while the daemon is killed")
    return url, attributes, sent, held


def after_the_kill(sqs, attributes, sent, held):
    url = sqs.get_queue_url(QueueName="kept.fifo")["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    equal({name: told[name] for name in attributes}, attributes, "attributes after kill -9")
    again = sqs.send_message(QueueUrl=url, MessageBody="y1", MessageGroupId="y")
    equal([again[name] for name in ("MessageId", "SequenceNumber")],
          [sent[3][name] for name in ("MessageId", "SequenceNumber")], "what was sent before")
    rest = receive(sqs, url)
    equal(bodies(rest), ["y0", "y1", "y2"], "group x is held by who received it before")
    delete(sqs, url, held)
    rest += receive(sqs, url)
    equal(bodies(rest)[3:], ["x1", "x2"], "group x goes on")
    numbers = {message["Body"]: message["Attributes"]["SequenceNumber"] for message in rest}
    equal([numbers[f"y{at}"] for at in range(3)], [answer["SequenceNumber"] for answer in sent[1::2]], "numbers")
    delete(sqs, url, rest)


def main():
    options = rig.arguments(__doc__).parse_args()
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "sqs-fifo")
    daemon = rig.Daemon(binary, work, work / "data", TOPOLOGY)
    address = rig.aws_endpoint(daemon)
    for protocol in ("json", "query"):
        sqs = client(address, protocol)
        equal(sqs.meta.service_model.metadata["protocol"], protocol, "the protocol of boto3")
        standard = sqs.create_queue(QueueName=f"{protocol}-standard")["QueueUrl"]
        url = making(sqs, protocol)
        order(sqs, url)
        deduplication(sqs, url)
        attempts(sqs, url, standard)
        handles(sqs, url, standard)
        waiting(sqs, address, url)
        dead_letters(sqs, protocol, standard)
        of_the_topology(sqs, address, protocol)
        limits(sqs, address, url)
        print(f"FIFO queues over {protocol}", flush=True)
    _, attributes, sent, held = before_the_kill(sqs)
    daemon.kill()
    daemon = rig.Daemon(binary, work, work / "data", TOPOLOGY)
    sqs = client(rig.aws_endpoint(daemon), "json")
    after_the_kill(sqs, attributes, sent, held)
    daemon.stop()


if __name__ == "__main__":
    rig.run(main)
