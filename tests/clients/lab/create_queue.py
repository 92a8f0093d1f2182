"""Creates a FIFO queue: tickets of a concert are sold in the order in which they were asked for."""

import sys

import boto3

sqs = boto3.client("sqs")
queue = sqs.create_queue(
    QueueName=sys.argv[1],
    Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "30"},
)
print(queue["QueueUrl"])
