#!/usr/bin/env python3
"""Queues with boto3 and by plain Query requests on a daemon: every operation that is answered, a queue of the
topology beside those made at run time, and a kill -9 after which all that was answered is still there. Needs the
Python package boto3.
"""

import hashlib
import http.client
import json
import threading
import time
import urllib.parse
import xml.etree.ElementTree as xml

import boto3
import rig
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from rig import equal

CALLED = set()
TOPOLOGY = """
[ingress.collector]
to = "trips"

[stream.trips]
shards = 1

[queue.reviews]
from = "trips"
visibility_timeout = "45s"
"""
# A script of their own, sqs_moves.py, calls these.
OPEN = {"StartMessageMoveTask", "ListMessageMoveTasks", "CancelMessageMoveTask"}
SPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


class Service:
    """boto3's client; remembers which operations were called."""

    def __init__(self, address):
        config = Config(retries={"max_attempts": 1}, read_timeout=40)
        self.client = boto3.client(
            "sqs", endpoint_url=address, region_name="us-east-1", config=config,
            aws_access_key_id="test", aws_secret_access_key="test",
        )

    def __getattr__(self, name):
        call = getattr(self.client, name)

        def counted(**request):
            CALLED.add(self.client.meta.method_to_api_mapping[name])
            return call(**request)

        return counted


def refused(code, call, **request):
    try:
        answer = call(**request)
    except ClientError as error:
        equal(error.response["Error"]["Code"], code, f"the refusal of {request}")
        equal(error.response["Error"]["Type"], "Sender", "who is to blame")
        return error.response["Error"]["Message"]
    raise rig.Lost(f"{request} was answered {answer}, not refused with {code}")


def queues(sqs):
    url = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "30"}, tags={"team": "lab"})["QueueUrl"]
    equal(sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "30"})["QueueUrl"], url, "the same queue")
    refused("QueueAlreadyExists", sqs.create_queue, QueueName="jobs", Attributes={"VisibilityTimeout": "31"})
    equal(sqs.get_queue_url(QueueName="jobs")["QueueUrl"], url, "its URL")
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.get_queue_url, QueueName="none")
    try:
        sqs.get_queue_url(QueueName="none")
    except sqs.client.exceptions.QueueDoesNotExist:
        pass
    names = [found.rsplit("/", 1)[1] for found in sqs.list_queues()["QueueUrls"]]
    equal(names, ["jobs", "reviews"], "queues of the topology and of run time")
    pages = sqs.client.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1})
    equal(sum(len(page["QueueUrls"]) for page in pages), 2, "queues in pages")
    sqs.tag_queue(QueueUrl=url, Tags={"tier": "one"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    equal(sqs.list_queue_tags(QueueUrl=url)["Tags"], {"tier": "one"}, "tags")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ReceiveMessageWaitTimeSeconds": "1"})
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    equal((told["ReceiveMessageWaitTimeSeconds"], told["VisibilityTimeout"]), ("1", "30"), "attributes")
    sqs.add_permission(QueueUrl=url, Label="one", AWSAccountIds=["123456789012"], Actions=["SendMessage"])
    sqs.remove_permission(QueueUrl=url, Label="one")
    refused("InvalidAttributeName", sqs.create_queue, QueueName="x", Attributes={"ContentBasedDeduplication": "true"})
    return url


def messages(sqs, url):
    attributes = {
        "kind": {"DataType": "String", "StringValue": "n\u00e9w"},
        "size": {"DataType": "Number", "StringValue": "7"},
        "blob": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    # boto3 itself holds the digests against what it sent and received.
    sqs.send_message(QueueUrl=url, MessageBody="one \u263a", MessageAttributes=attributes)
    entries = [{"Id": str(number), "MessageBody": f"batch {number}"} for number in range(10)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    equal((len(answer["Successful"]), answer.get("Failed", [])), (10, []), "a batch")
    received = []
    while len(received) < 11:
        told = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"]
        )
        received += told["Messages"]
    first = next(message for message in received if message["Body"].startswith("one"))
    equal(first["MessageAttributes"]["blob"]["BinaryValue"], b"\x00\xff", "a binary attribute")
    equal(first["MD5OfBody"], hashlib.md5("one \u263a".encode()).hexdigest(), "the digest of the body")
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, AttributeNames=["ApproximateReceiveCount"])
    equal(again["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "2", "receives")
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["Messages"][0]["ReceiptHandle"])
    rest = [message for message in received if message is not first]
    handles = [{"Id": str(at), "ReceiptHandle": message["ReceiptHandle"]} for at, message in enumerate(rest)]
    hidden = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**entry, "VisibilityTimeout": 60} for entry in handles]
    )
    equal(len(hidden["Successful"]), 10, "a batch of timeouts")
    equal(len(sqs.delete_message_batch(QueueUrl=url, Entries=handles)["Successful"]), 10, "a batch of deletions")
    refused("ReceiptHandleIsInvalid", sqs.delete_message, QueueUrl=url, ReceiptHandle="nonsense")
    refused("AWS.SimpleQueueService.EmptyBatchRequest", sqs.delete_message_batch, QueueUrl=url, Entries=[])
    refused("InvalidMessageContents", sqs.send_message, QueueUrl=url, MessageBody="a\u0001")


def waiting(sqs, url):
    """Waiting receivers are woken; one gets the message."""
    got = []

    def wait():
        got.extend(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", []))

    threads = [threading.Thread(target=wait) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=f"wake {number}")
    for thread in threads:
        thread.join(25)
    equal(sorted(message["Body"] for message in got), ["wake 0", "wake 1", "wake 2"], "who waited")
    sqs.purge_queue(QueueUrl=url)
    refused("AWS.SimpleQueueService.PurgeQueueInProgress", sqs.purge_queue, QueueUrl=url)


def dead_letters(sqs):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="poison", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
    equal(sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"], [url], "sources")
    sent = sqs.send_message(QueueUrl=url, MessageBody="poison")
    sqs.receive_message(QueueUrl=url)
    moved = sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=20, MessageSystemAttributeNames=["All"])["Messages"][0]
    equal(moved["MessageId"], sent["MessageId"], "the dead letter's id")
    equal(moved["Attributes"]["DeadLetterQueueSourceArn"].rsplit(":", 1)[1], "poison", "where it comes from")
    for queue in (url, dead):
        sqs.delete_queue(QueueUrl=queue)
    refused("AWS.SimpleQueueService.NonExistentQueue", sqs.send_message, QueueUrl=url, MessageBody="x")


def query(address, path, parameters, method="POST"):
    """A signed Query request, by GET with its signature in the URL: its status and its XML."""
    text = urllib.parse.urlencode(parameters)
    body, url = (text, address + path) if method == "POST" else (None, f"{address}{path}?{text}")
    headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    signer = SigV4QueryAuth if method == "GET" else SigV4Auth
    signer(Credentials("test", "test"), "sqs", "us-east-1").add_auth(request)
    place = urllib.parse.urlsplit(request.url)
    connection = http.client.HTTPConnection(place.netloc, timeout=30)
    connection.request(method, f"{place.path}?{place.query}" if place.query else place.path, body, dict(request.headers))
    answer = connection.getresponse()
    return answer.status, xml.fromstring(answer.read())


def queries(address):
    status, made = query(address, "/", {"Action": "CreateQueue", "QueueName": "plain", "Version": "2012-11-05"})
    path = urllib.parse.urlsplit(made.findtext(f"{SPACE}CreateQueueResult/{SPACE}QueueUrl")).path
    equal((status, path), (200, "/000000000000/plain"), "a queue by Query")
    sent = {"Action": "SendMessage", "MessageBody": "a <b> & c"}
    sent |= {"MessageAttribute.1.Name": "n", "MessageAttribute.1.Value.DataType": "String", "MessageAttribute.1.Value.StringValue": "v"}
    equal(query(address, path, sent)[0], 200, "a message on the queue's own path")
    wanted = {"Action": "ReceiveMessage", "AttributeName.1": "All", "MessageAttributeName.1": "All"}
    status, told = query(address, path, wanted, "GET")
    message = told.find(f"{SPACE}ReceiveMessageResult/{SPACE}Message")
    equal(message.findtext(f"{SPACE}Body"), "a <b> & c", "a body by GET")
    equal(message.findtext(f"{SPACE}MessageAttribute/{SPACE}Value/{SPACE}StringValue"), "v", "an attribute")
    handle = message.findtext(f"{SPACE}ReceiptHandle")
    equal(query(address, path, {"Action": "DeleteMessage", "ReceiptHandle": handle})[0], 200, "a deletion")
    status, told = query(address, "/000000000000/none", {"Action": "SendMessage", "MessageBody": "x"})
    error = told.find(f"{SPACE}Error")
    found = [error.findtext(SPACE + name) for name in ("Type", "Code", "Message")]
    expected = ["Sender", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."]
    equal((status, found, error.find(f"{SPACE}Detail") is not None), (400, expected, True), "an error by Query")
    equal(query(address, path, {"Action": "DeleteQueue"})[0], 200, "the queue's end")


def main():
    options = rig.arguments(__doc__).parse_args()
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "sqs")
    daemon = rig.Daemon(binary, work, work / "data", TOPOLOGY)
    address = rig.aws_endpoint(daemon)
    sqs = Service(address)
    url = queues(sqs)
    messages(sqs, url)
    waiting(sqs, url)
    dead_letters(sqs)
    queries(address)
    reviews = sqs.get_queue_url(QueueName="reviews")["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=reviews, AttributeNames=["VisibilityTimeout"])["Attributes"]
    equal(told, {"VisibilityTimeout": "45"}, "what the topology says")
    refused("AWS.SimpleQueueService.UnsupportedOperation", sqs.delete_queue, QueueUrl=reviews)
    kept = [sqs.send_message(QueueUrl=queue, MessageBody="kept")["MessageId"] for queue in (url, reviews)]
    gone = sqs.send_message(QueueUrl=url, MessageBody="gone")["MessageId"]
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)["Messages"]:
        if message["MessageId"] == gone:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    daemon.kill()
    daemon = rig.Daemon(binary, work, work / "data", TOPOLOGY)
    sqs = Service(rig.aws_endpoint(daemon))
    found = []
    for name in ("jobs", "reviews"):
        queue = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        told = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)
        found += [message["MessageId"] for message in told["Messages"]]
    equal(found, kept, "messages after kill -9")
    equal(sqs.list_queue_tags(QueueUrl=sqs.get_queue_url(QueueName="jobs")["QueueUrl"])["Tags"], {"tier": "one"}, "tags after it")
    daemon.stop()
    left = set(sqs.client.meta.service_model.operation_names) - CALLED - OPEN
    equal(left, set(), "operations that were not called")
    print(f"{len(CALLED)} operations over JSON, some over Query", flush=True)


if __name__ == "__main__":
    rig.run(main)
