"""Clients of queues that keep books: what was sent and deleted, in the order in which they were told so.

No library of AWS is needed: requests are JSON over HTTP.
"""

import collections
import http.client
import json
import random
import threading
import time

import rig

NAMES = ("jobs", "orders.fifo")
GROUPS = 3
VISIBILITY = 1
SIGNATURE = {
    "Content-Type": "application/x-amz-json-1.0",
    "Authorization": "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0",
    "X-Amz-Date": "20260101T000000Z",
}


class Connection:
    def __init__(self, daemon):
        self.http = http.client.HTTPConnection(rig.aws_endpoint(daemon).removeprefix("http://"), timeout=30)

    def call(self, operation, name, **request):
        """The answer; an error of the network when the daemon is gone."""
        request = {"QueueUrl": f"http://localhost/000000000000/{name}", **request}
        self.http.request("POST", "/", json.dumps(request), {**SIGNATURE, "X-Amz-Target": f"AmazonSQS.{operation}"})
        answer = self.http.getresponse()
        body = answer.read()
        if answer.status == 503:
            raise OSError("the daemon ends")
        if answer.status != 200:
            raise rig.Lost(f"{operation} of {name} was refused: {body.decode()}")
        return json.loads(body or b"{}")

    def make(self, name):
        attributes = {"VisibilityTimeout": str(VISIBILITY)}
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        self.call("CreateQueue", name, QueueName=name, Attributes=attributes)

    def depth(self, name):
        told = self.call("GetQueueAttributes", name, AttributeNames=["All"])["Attributes"]
        return sum(int(count) for which, count in told.items() if which.startswith("ApproximateNumber"))

    def receive(self, name):
        told = self.call("ReceiveMessage", name, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        return [(message["Body"], message["ReceiptHandle"]) for message in told.get("Messages", [])]


class QueueBooks:
    """A message is `QUEUE/GROUP/NUMBER`; numbers ascend, and one thread sends the messages of a group."""

    def __init__(self):
        self.lock = threading.Lock()
        self.begin()

    def begin(self):
        self.events = []
        self.numbers = collections.Counter()

    def note(self, what, message):
        with self.lock:
            self.events.append((what, message))

    def mark(self):
        """How much has been told until now."""
        with self.lock:
            return len(self.events)

    def send(self, daemon, name, draw):
        connection = Connection(daemon)
        connection.make(name)
        while True:
            time.sleep(draw.uniform(0, 0.008))
            group = draw.randrange(GROUPS)
            self.numbers[name, group] += 1
            message = f"{name}/{group}/{self.numbers[name, group]}"
            more = {"MessageGroupId": str(group), "MessageDeduplicationId": f"{time.time_ns()}"} if name.endswith(".fifo") else {}
            connection.call("SendMessage", name, MessageBody=message, **more)
            self.note("sent", message)

    def take(self, daemon, name, draw):
        connection = Connection(daemon)
        connection.make(name)
        while True:
            begun = time.monotonic()
            for message, handle in connection.receive(name):
                # A late deletion would be none.
                if draw.random() < 0.2 or time.monotonic() - begun > VISIBILITY / 2:
                    break
                self.note("to be deleted", message)
                connection.call("DeleteMessage", name, ReceiptHandle=handle)
                self.note("deleted", message)

    def check(self, daemon, before, after):
        """What lies in the queues after a cut between two marks; they are empty thereafter."""
        told = collections.defaultdict(set)
        for what, message in self.events[:before]:
            told[what].add(message)
        asked = {message for what, message in self.events[:after] if what == "to be deleted"}
        connection, found = Connection(daemon), {}
        for name in NAMES:
            connection.make(name)
            deadline = time.monotonic() + rig.PATIENCE
            while connection.depth(name) > 0:
                for message, handle in connection.receive(name):
                    found.setdefault(message, len(found))
                    connection.call("DeleteMessage", name, ReceiptHandle=handle)
                if time.monotonic() > deadline:
                    raise rig.Lost(f"{name} has messages that nobody gets")
        lost = told["sent"] - asked - found.keys()
        if lost:
            raise rig.Lost(f"{len(lost)} acknowledged messages are lost, such as {min(lost)}")
        undone = told["deleted"] & found.keys()
        if undone:
            raise rig.Lost(f"{len(undone)} deletions are undone, such as that of {min(undone)}")
        self.check_order([message for message in found if message.startswith(NAMES[1])])
        count = len(told["sent"])
        self.begin()
        return count

    def check_order(self, messages):
        last = collections.Counter()
        for message in messages:
            name, group, number = message.split("/")
            if int(number) < last[group]:
                raise rig.Lost(f"group {group} of {name} came out of order: {number} after {last[group]}")
            last[group] = int(number)


class QueueClients:
    """Threads that send and receive until the daemon is gone."""

    def __init__(self, daemon, books, seed):
        self.faults = []
        work = [(do, name) for name in NAMES for do in (books.send, books.take)]
        self.threads = [
            threading.Thread(target=self.run, args=(do, daemon, name, random.Random(seed + number)))
            for number, (do, name) in enumerate(work)
        ]
        for thread in self.threads:
            thread.start()

    def run(self, do, *arguments):
        try:
            do(*arguments)
        except rig.Lost as fault:
            self.faults.append(fault)
        except (OSError, http.client.HTTPException, ValueError):
            # The daemon is gone, perhaps within an answer.
            return

    def join(self):
        for thread in self.threads:
            thread.join(rig.PATIENCE)
            if thread.is_alive():
                raise rig.Lost("a client of a queue waits for an answer that does not come")
        if self.faults:
            raise self.faults[0]
