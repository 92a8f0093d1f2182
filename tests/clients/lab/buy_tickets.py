"""Sends purchases of tickets, those of a concert in order; every fifth one is sent twice, as by an impatient buyer."""

import json
import sys

import boto3

name, concerts, purchases = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
queue = boto3.resource("sqs").get_queue_by_name(QueueName=name)
last = {}
for number in range(purchases):
    concert = f"concert-{number % concerts}"
    body = json.dumps({"concert": concert, "buyer": f"buyer-{number}", "tickets": number % 4 + 1})
    for _ in range(2 if number % 5 == 0 else 1):
        answer = queue.send_message(MessageBody=body, MessageGroupId=concert)
    assert int(answer["SequenceNumber"]) > last.get(concert, -1), "sequence numbers grow"
    last[concert] = int(answer["SequenceNumber"])
    print(json.dumps([concert, number, answer["MessageId"]]), flush=True)
