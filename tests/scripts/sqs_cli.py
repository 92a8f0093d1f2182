#!/usr/bin/env python3
"""The AWS command line on a daemon: every command of SQS that it has, its pages, its exit codes and what it
prints of errors, a queue's URL of another host and region, and a look at messages that takes none away. Needs the
Python package awscli.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import rig
from command_line import MISUSED, CommandLine
from rig import equal

MISSING = "AWS.SimpleQueueService.NonExistentQueue"
ATTRIBUTES = "kind={DataType=String,StringValue=new},size={DataType=Number,StringValue=7}"


def queues(aws):
    """Makes, finds, lists in pages, tags and changes queues; gives the URL of one."""
    given = ("--attributes", "VisibilityTimeout=30", "--tags", "team=lab")
    url = aws("create-queue", "--queue-name", "jobs", *given)["QueueUrl"]
    equal(aws("get-queue-url", "--queue-name", "jobs")["QueueUrl"], url, "the queue's URL")
    for number in range(5):
        aws("create-queue", "--queue-name", f"page-{number}")
    names = [f"page-{number}" for number in range(5)]

    def listed(*arguments):
        page = aws("list-queues", "--queue-name-prefix", "page-", *arguments)
        return [found.rsplit("/", 1)[1] for found in page["QueueUrls"]], page.get("NextToken")

    equal(listed(), (names, None), "queues")
    equal(listed("--page-size", "2"), (names, None), "queues in pages of two")
    found, token = listed("--max-items", "3")
    rest, none = listed("--max-items", "3", "--starting-token", token)
    equal((found + rest, none), (names, None), "queues three at a time")
    found, token = listed("--no-paginate", "--max-results", "4")
    equal((found, listed("--no-paginate", "--max-results", "4", "--next-token", token)), (names[:4], (names[4:], None)), "pages")
    for name in names:
        aws("delete-queue", "--queue-url", url.replace("jobs", name))
    equal(aws("list-queues", "--queue-name-prefix", "page-"), None, "no queues")
    aws("tag-queue", "--queue-url", url, "--tags", "tier=one,empty=")
    aws("untag-queue", "--queue-url", url, "--tag-keys", "team")
    equal(aws("list-queue-tags", "--queue-url", url)["Tags"], {"tier": "one", "empty": ""}, "tags")
    aws("set-queue-attributes", "--queue-url", url, "--attributes", '{"DelaySeconds":"0","MaximumMessageSize":"1024"}')
    told = aws("get-queue-attributes", "--queue-url", url, "--attribute-names", "All")["Attributes"]
    equal((told["VisibilityTimeout"], told["MaximumMessageSize"]), ("30", "1024"), "attributes")
    grant = ("--label", "one", "--aws-account-ids", "123456789012", "--actions", "SendMessage")
    aws("add-permission", "--queue-url", url, *grant)
    aws("remove-permission", "--queue-url", url, "--label", "one")
    return url


def messages(aws, url, work):
    sent = aws("send-message", "--queue-url", url, "--message-body", "hello ü", "--message-attributes", ATTRIBUTES)
    equal(sent["MD5OfMessageBody"], hashlib.md5("hello ü".encode()).hexdigest(), "the digest of the body")
    look = ("--visibility-timeout", "0", "--max-number-of-messages", "10")
    for count in ("1", "2"):
        told = aws("receive-message", "--queue-url", url, *look, "--attribute-names", "ApproximateReceiveCount")
        equal(told["Messages"][0]["Attributes"], {"ApproximateReceiveCount": count}, "a look")
    everything = ("--message-system-attribute-names", "All", "--message-attribute-names", "All")
    message = aws("receive-message", "--queue-url", url, "--wait-time-seconds", "5", *everything)["Messages"][0]
    equal((message["MessageId"], message["Body"]), (sent["MessageId"], "hello ü"), "the message")
    equal(message["MessageAttributes"]["size"], {"StringValue": "7", "DataType": "Number"}, "an attribute")
    equal(message["MD5OfMessageAttributes"], sent["MD5OfMessageAttributes"], "the digest of attributes")
    equal(aws("receive-message", "--queue-url", url), None, "what is left to receive")
    handle = ("--receipt-handle", message["ReceiptHandle"])
    aws("change-message-visibility", "--queue-url", url, *handle, "--visibility-timeout", "60")
    aws("delete-message", "--queue-url", url, *handle)
    entries = [{"Id": str(number), "MessageBody": f"batch {number}"} for number in range(10)]
    (work / "entries").write_text(json.dumps(entries))
    put = aws("send-message-batch", "--queue-url", url, "--entries", f"file://{work / 'entries'}")
    equal((len(put["Successful"]), put.get("Failed")), (10, None), "a batch")
    told = aws("receive-message", "--queue-url", url, "--max-number-of-messages", "10")["Messages"]
    handles = [{"Id": str(at), "ReceiptHandle": found["ReceiptHandle"]} for at, found in enumerate(told)]
    hidden = json.dumps([{**entry, "VisibilityTimeout": 60} for entry in handles])
    answer = aws("change-message-visibility-batch", "--queue-url", url, "--entries", hidden)
    equal(len(answer["Successful"]), len(told), "a batch of timeouts")
    answer = aws("delete-message-batch", "--queue-url", url, "--entries", json.dumps(handles))
    equal(len(answer["Successful"]), len(told), "a batch of deletions")
    aws("purge-queue", "--queue-url", url)


def dead_letters(aws):
    dead = aws("create-queue", "--queue-name", "dead")["QueueUrl"]
    arn = aws("get-queue-attributes", "--queue-url", dead, "--attribute-names", "QueueArn")["Attributes"]["QueueArn"]
    policy = json.dumps({"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "1"})})
    url = aws("create-queue", "--queue-name", "poison", "--attributes", policy)["QueueUrl"]
    equal(aws("list-dead-letter-source-queues", "--queue-url", dead)["queueUrls"], [url], "sources")
    equal(aws("list-dead-letter-source-queues", "--queue-url", dead, "--page-size", "1")["queueUrls"], [url], "in pages")
    aws("send-message", "--queue-url", url, "--message-body", "poison")
    aws("receive-message", "--queue-url", url, "--visibility-timeout", "0")
    told = aws("receive-message", "--queue-url", dead, "--wait-time-seconds", "20", "--attribute-names", "All")
    equal(told["Messages"][0]["Attributes"]["DeadLetterQueueSourceArn"], arn.replace("dead", "poison"), "where it comes from")
    for number in range(3):
        aws("send-message", "--queue-url", dead, "--message-body", f"back {number}")
    there = ("--source-arn", arn, "--destination-arn", arn.replace("dead", "poison"), "--max-number-of-messages-per-second")
    handle = aws("start-message-move-task", *there, "1")["TaskHandle"]
    aws("cancel-message-move-task", "--task-handle", handle)
    task = aws("list-message-move-tasks", "--source-arn", arn, "--max-results", "1")["Results"][0]
    equal((task["Status"] in ("CANCELLING", "CANCELLED"), task["SourceArn"]), (True, arn), "the task")
    aws.refused("InvalidParameterValue", "cancel-message-move-task", "--task-handle", handle)
    aws("delete-queue", "--queue-url", url)


def fifo(aws):
    """Tickets in order, each once, and a receive that is asked for again."""
    attributes = ("--attributes", "FifoQueue=true,ContentBasedDeduplication=true,VisibilityTimeout=600")
    url = aws("create-queue", "--queue-name", "tickets.fifo", *attributes)["QueueUrl"]
    send = ("send-message", "--queue-url", url, "--message-group-id", "concert", "--message-body")
    sent = [aws(*send, f"seat {number}") for number in (1, 2, 2, 3)]
    equal(sent[1]["MessageId"], sent[2]["MessageId"], "a message that was sent twice")
    aws(*send, "seat 4", "--message-deduplication-id", "four")
    receive = ("receive-message", "--queue-url", url, "--max-number-of-messages", "10")
    attempt = ("--receive-request-attempt-id", "one", "--message-system-attribute-names", "MessageGroupId")
    for _ in range(2):
        told = aws(*receive, *attempt)["Messages"]
        equal([message["Body"] for message in told], [f"seat {number}" for number in (1, 2, 3, 4)], "the order")
        equal(told[0]["Attributes"], {"MessageGroupId": "concert"}, "the group")
    equal(aws(*receive), None, "what is left to receive")
    for message in told:
        aws("delete-message", "--queue-url", url, "--receipt-handle", message["ReceiptHandle"])
    aws.refused("MissingParameter", "send-message", "--queue-url", url, "--message-body", "x")
    aws.refused("InvalidParameterValue", "create-queue", "--queue-name", "plain", *attributes)
    aws("delete-queue", "--queue-url", url)


def refusals(aws, url):
    """Exit codes, and Amazon's texts as they are printed."""
    equal(aws.refused(MISSING, "get-queue-url", "--queue-name", "none"), "The specified queue does not exist.", "the text")
    message = aws.refused("QueueAlreadyExists", "create-queue", "--queue-name", "jobs", "--attributes", "DelaySeconds=1")
    equal("DelaySeconds" in message, True, message)
    aws.refused("InvalidParameterValue", "create-queue", "--queue-name", "a b")
    aws.refused("InvalidAttributeName", "set-queue-attributes", "--queue-url", url, "--attributes", "Colour=red")
    aws.refused("ReceiptHandleIsInvalid", "delete-message", "--queue-url", url, "--receipt-handle", "nonsense")
    kind = "AWS.SimpleQueueService.PurgeQueueInProgress"
    equal("60 seconds" in aws.refused(kind, "purge-queue", "--queue-url", url), True, "the text")
    code, _, errors = aws.run("send-message", "--queue-url", url)
    equal((code, "the following arguments are required: --message-body" in errors), (MISUSED, True), errors)


def program(endpoint, url):
    """The program itself, with a region of its own and the queue's URL as it is on AWS."""
    def told(*arguments):
        command = [Path(sys.executable).parent / "aws", "sqs", *arguments, "--endpoint-url", endpoint, "--output", "text"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=rig.PATIENCE, check=True)
        return done.stdout.strip()

    abroad = ("--region", "eu-west-1")
    made = told("create-queue", "--queue-name", "abroad", *abroad)
    equal(made, url.replace("jobs", "abroad"), "a queue's URL")
    there = "https://sqs.eu-west-1.amazonaws.com/000000000000/abroad"
    told("send-message", "--queue-url", there, "--message-body", "hello")
    body = told("receive-message", "--queue-url", there, "--wait-time-seconds", "5", "--query", "Messages[].Body", *abroad)
    equal(body, "hello", "a message of a queue of another region")
    equal("abroad" in told("list-queues"), False, "whether it is in this one")


def main():
    options = rig.arguments(__doc__).parse_args()
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "sqs-cli")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    endpoint = rig.aws_endpoint(daemon)
    # Of SQS the first generation takes its endpoint by no variable.
    aws = CommandLine("sqs", endpoint, "--endpoint-url", endpoint)
    url = queues(aws)
    messages(aws, url, work)
    dead_letters(aws)
    fifo(aws)
    refusals(aws, url)
    program(endpoint, url)
    left = aws.commands() - aws.called
    equal(left, set(), "commands that were not called")
    daemon.stop()
    print(f"{len(aws.called)} commands", flush=True)


if __name__ == "__main__":
    rig.run(main)
