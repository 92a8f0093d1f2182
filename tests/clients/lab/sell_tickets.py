"""Reads purchases of tickets, ten at a time, and deletes each once it is sold; ends when none has come for a while."""

import json
import sys
import time

import boto3

queue = boto3.resource("sqs").get_queue_by_name(QueueName=sys.argv[1])
while True:
    messages = queue.receive_messages(
        MaxNumberOfMessages=10, WaitTimeSeconds=8, MessageSystemAttributeNames=["MessageGroupId", "SequenceNumber"]
    )
    if not messages:
        break
    for message in messages:
        purchase = json.loads(message.body)
        assert message.attributes["MessageGroupId"] == purchase["concert"], "a purchase is of its concert"
        sold = [purchase["concert"], int(purchase["buyer"].split("-")[1]), message.message_id]
        print(json.dumps([time.monotonic_ns(), *sold]), flush=True)
        message.delete()
