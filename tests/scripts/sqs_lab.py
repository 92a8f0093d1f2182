#!/usr/bin/env python3
"""Scripts of a course on SQS, written for AWS, of which nothing is changed but the endpoint, by AWS_ENDPOINT_URL: one in
Node.js creates a standard queue and sends; a look at its messages by the AWS command line, which takes none away;
scripts in Python create a FIFO queue, send purchases of tickets, and read them in order and delete them. The daemon is
killed between them. Needs node, the packages of package.json in --modules, and the Python packages boto3 and awscli.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import javascript
import rig
from rig import equal

LAB = Path(__file__).resolve().parents[1] / "clients" / "lab"
VISITORS = 25
CONCERTS, PURCHASES = 4, 60


class Student:
    """Somebody with a shell whose environment says where AWS is."""

    def __init__(self, work, modules):
        self.work = work
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment |= {
            "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_ACCESS_KEY_ID": "student", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": os.devnull,
            "NODE_PATH": str(modules / "node_modules"), "NODE_NO_WARNINGS": "1",
        }
        self.endpoint = None

    def goes_to(self, endpoint):
        self.endpoint = endpoint
        self.environment["AWS_ENDPOINT_URL"] = endpoint

    def started(self, *command):
        return subprocess.Popen(
            [str(word) for word in command], env=self.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd=self.work,
        )

    def run(self, *command):
        return told(self.started(*command))

    def script(self, name, *arguments):
        return self.started(sys.executable, LAB / name, *arguments)

    def look(self, url):
        """Ten messages at most, as a console shows them: nobody is kept from receiving them."""
        # The first generation of the command line takes its endpoint for SQS by no variable.
        console = (Path(sys.executable).parent / "aws", "--endpoint-url", self.endpoint, "sqs", "receive-message")
        most = ("--max-number-of-messages", "10", "--visibility-timeout", "0")
        answer = self.run(*console, "--queue-url", url, *most, "--message-attribute-names", "All", "--output", "json")
        return json.loads(answer)["Messages"] if answer.strip() else []


def told(process):
    try:
        out, errors = process.communicate(timeout=rig.PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, errors = process.communicate()
        raise rig.Lost(f"{process.args} does not end: {out}{errors}") from None
    if process.returncode:
        raise rig.Lost(f"{process.args} ended with {process.returncode}: {out}{errors}")
    return out


def seen(student, url):
    """The ids of what three looks show."""
    found = {message["MessageId"] for _ in range(3) for message in student.look(url)}
    equal(len(found) >= 10, True, "what a look shows")
    return found


def visitors(student):
    """What Node.js sent is seen, and seen again; gives the ids of the messages."""
    first, *rest = student.run("node", LAB / "send.js", "visitors", VISITORS).splitlines()
    sent = {line.removeprefix("sent ") for line in rest}
    equal(len(sent), VISITORS, "messages that were sent")
    equal(seen(student, first.removeprefix("made ")) <= sent, True, "what is seen was sent")
    return sent


def lines(text):
    return [tuple(json.loads(line)) for line in text.splitlines()]


def of_concerts(rows):
    """The purchases of each concert as they come."""
    found = {}
    for concert, *purchase in rows:
        found.setdefault(concert, []).append(purchase)
    return found


def tickets(student, restart):
    """Two who sell at once read every purchase once, those of a concert in order, though the daemon is killed meanwhile."""
    made = told(student.script("create_queue.py", "tickets.fifo")).strip()
    equal(made.endswith("/000000000000/tickets.fifo"), True, made)
    bought = lines(told(student.script("buy_tickets.py", "tickets.fifo", CONCERTS, PURCHASES)))
    restart()
    more = student.script("buy_tickets.py", "tickets.fifo", CONCERTS, 2 * PURCHASES)
    sellers = [student.script("sell_tickets.py", "tickets.fifo") for _ in range(2)]
    # The first purchases are sent again: they were a moment ago, so they are known.
    again = lines(told(more))
    equal(again[:PURCHASES], bought, "purchases that were sent before are the same messages")
    sold = [row for seller in sellers for row in lines(told(seller))]
    equal(sorted(row[1:] for row in sold), sorted(again), "purchases that were sold, each once")
    equal(of_concerts(row[1:] for row in sorted(sold)), of_concerts(again), "the order of each concert's")
    return len(again)


def main():
    parser = rig.arguments(__doc__)
    options = javascript.options(parser, patience=150)
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "lab")
    student = Student(work, options.modules)

    def start():
        started = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
        student.goes_to(rig.aws_endpoint(started))
        return started

    lives = [start()]

    def restart():
        lives[-1].kill()
        lives.append(start())

    sent = visitors(student)
    restart()
    equal(seen(student, f"{student.endpoint}/000000000000/visitors") <= sent, True, "what is seen after kill -9")
    sold = tickets(student, restart)
    lives[-1].stop()
    print(f"{len(sent)} messages of Node.js, {sold} tickets in order, {len(lives) - 1} kills", flush=True)


if __name__ == "__main__":
    rig.run(main)
