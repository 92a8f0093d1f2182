#!/usr/bin/env python3
"""An application of Celery's on a daemon, in workers of their own: queues that Celery makes, results, chains and groups,
retries, delays, a worker that is killed with a task, one that is asked to stop, and queues that are told to it, with a
policy of waiting longer each time and with dead letters. Needs the Python package celery[sqs].
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import celery
import kombu
import rig
from rig import equal

APPLICATION = Path(__file__).resolve().parents[1] / "clients" / "celery"
# Seconds after which SQS delivers again what is not acknowledged.
VISIBILITY = 12
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO")


class Shop:
    """The application: one place for its results and notes, workers that come and go."""

    def __init__(self, work, endpoint, **transport):
        self.work, self.notes = work, work / "notes"
        results = work / "results"
        results.mkdir(parents=True)
        options = {"region": "us-east-1", "visibility_timeout": VISIBILITY, "wait_time_seconds": 5, "polling_interval": 0.1}
        place = endpoint.removeprefix("http://")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self.environment |= {
            "BROKER": f"sqs://any:any@{place}//", "TRANSPORT": repr({**options, **transport}),
            "RESULTS": str(results), "NOTES": str(self.notes), "AWS_EC2_METADATA_DISABLED": "true",
        }
        # This process is a caller of the same application.
        for name in ("BROKER", "TRANSPORT", "RESULTS", "NOTES"):
            os.environ[name] = self.environment[name]
        sys.modules.pop("shop", None)
        sys.path.insert(0, str(APPLICATION))
        import shop

        self.tasks, self.workers = shop, 0

    def worker(self, *queues, concurrency=2):
        self.workers += 1
        command = [sys.executable, "-m", "celery", "-A", "shop", "worker", *QUIET, "--hostname", f"w{self.workers}@lab"]
        log = open(self.work / f"worker-{self.workers}.log", "wb")
        return subprocess.Popen(
            [*command, "--queues", ",".join(queues), "--concurrency", str(concurrency)], cwd=APPLICATION, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True, env={**self.environment, "PYTHONDONTWRITEBYTECODE": "1"},
        )

    def noted(self, what):
        """What tasks of a kind were begun with, and when."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        found = [json.loads(line) for line in lines]
        return [(argument, at) for kind, argument, at in found if kind == what]

    def wait_for(self, what, is_so):
        deadline = time.monotonic() + rig.PATIENCE
        while not is_so():
            if time.monotonic() > deadline:
                logs = "\n".join(path.read_text()[-3000:] for path in sorted(self.work.glob("worker-*.log")))
                raise rig.Lost(f"{what}: not within {rig.PATIENCE:.0f} s\n{logs}")
            time.sleep(0.05)

    def result(self, promise):
        self.wait_for(f"the result of {promise.id}", promise.ready)
        return promise.get(timeout=rig.PATIENCE)


def stop(worker):
    """A warm shutdown; gives how it ended."""
    worker.send_signal(signal.SIGTERM)
    try:
        return worker.wait(rig.PATIENCE)
    except subprocess.TimeoutExpired:
        kill(worker)
        raise rig.Lost("a worker does not end") from None


def kill(worker):
    try:
        os.killpg(worker.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    worker.wait()


def depth(sqs, url):
    names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(told[name]) for name in names)


def made(shop, sqs):
    """Queues that Celery makes."""
    tasks, worker = shop.tasks, shop.worker("orders")
    promises = [tasks.price.delay(net) for net in range(40)]
    retried = [tasks.reserve.delay(order) for order in range(3)]
    later, asked = tasks.price.apply_async((1000,), DelaySeconds=3), time.time()
    timed = tasks.price.apply_async((2000,), countdown=2)
    chained = celery.chain(tasks.price.s(50), tasks.price.s())()
    equal([shop.result(promise) for promise in promises], [round(net * 1.21, 2) for net in range(40)], "prices")
    equal([shop.result(promise) for promise in retried], [f"reserved {order}" for order in range(3)], "retries")
    equal(sorted(order for order, _ in shop.noted("reserve")), [0, 0, 0, 1, 1, 1, 2, 2, 2], "how often they were tried")
    equal((shop.result(later), shop.result(timed)), (1210.0, 2420.0), "what came later")
    begun = dict(shop.noted("price"))
    equal((begun[1000] - asked >= 2.9, begun[2000] - asked >= 1.9), (True, True), "how much later")
    equal(sorted(net for net, _ in shop.noted("price")), sorted([*range(40), 50, 60.5, 1000, 2000]), "each price is told once")
    summed = celery.group(tasks.price.s(10), tasks.price.s(20)).apply_async()
    equal(shop.result(tasks.total.delay([shop.result(part) for part in summed.results])), 36.3, "a group")
    equal(shop.result(chained), 73.2, "a chain")
    url = sqs.get_queue_url(QueueName="lab-orders")["QueueUrl"]
    told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    equal(told, {"VisibilityTimeout": str(VISIBILITY)}, "the queue that Celery made")
    shop.wait_for("an empty queue", lambda: depth(sqs, url) == 0)
    return worker, url


def killed(shop, sqs, worker, url):
    """A worker is killed with its task: another has it when the visibility timeout is over."""
    flag = shop.work / "flag"
    promise = shop.tasks.ship.delay("a bicycle", str(flag))
    shop.wait_for("the task", lambda: len(shop.noted("ship")) == 1)
    kill(worker)
    other = shop.worker("orders")
    shop.wait_for("the task again", lambda: len(shop.noted("ship")) == 2)
    (_, first), (_, second) = shop.noted("ship")
    equal(second - first >= VISIBILITY - 1, True, f"{second - first:.1f} s until it came again")
    flag.touch()
    equal(shop.result(promise), "shipped a bicycle", "the task")
    shop.wait_for("an empty queue", lambda: depth(sqs, url) == 0)
    return other


def stopped(shop, sqs, worker, url):
    """A worker that is asked to stop finishes what it has begun; the rest is for others."""
    promises = [shop.tasks.pack.delay(order) for order in range(8)]
    shop.wait_for("two tasks", lambda: len(shop.noted("pack")) == 2)
    equal(stop(worker), 0, "how the worker ended")
    begun = [order for order, _ in shop.noted("pack")]
    finished = [order for order, promise in enumerate(promises) if promise.ready()]
    equal(finished, sorted(begun), "what was begun is finished")
    equal(len(begun) < 8, True, "the rest was left")
    other = shop.worker("orders")
    equal([shop.result(promise) for promise in promises], [f"packed {order}" for order in range(8)], "all")
    equal(sorted(order for order, _ in shop.noted("pack")), list(range(8)), "each was begun once")
    equal(stop(other), 0, "how the other ended")
    equal(depth(sqs, url), 0, "what is left")


def ordered(shop, sqs):
    """A FIFO queue that Celery makes: the tasks of a group are begun in their order."""
    # It takes several of a group at once, which two processes would begin together.
    worker = shop.worker("parcels.fifo", concurrency=1)
    groups, parcels = "abc", 10
    promises = [
        shop.tasks.label.apply_async((f"{group} {number}",), queue="parcels.fifo", MessageGroupId=group)
        for number in range(parcels) for group in groups
    ]
    twice = {"queue": "parcels.fifo", "MessageGroupId": "a", "MessageDeduplicationId": "once"}
    promises += [shop.tasks.label.apply_async(("a once",), **twice) for _ in range(2)]
    equal(shop.result(promises[-2]), "labelled a once", "a task that is sent twice")
    for promise in promises[:-1]:
        shop.result(promise)
    for group in groups:
        found = [parcel.split()[1] for parcel, _ in shop.noted("label") if parcel.startswith(group)]
        expected = [str(number) for number in range(parcels)] + ["once"] * (group == "a")
        equal(found, expected, f"the order of group {group}")
    equal(stop(worker), 0, "how the worker ended")
    url = sqs.get_queue_url(QueueName="lab-parcels.fifo")["QueueUrl"]
    equal(depth(sqs, url), 0, "what is left")


def predefined(work, endpoint, sqs):
    """Queues that are told to Celery by their URLs; a failed task waits longer each time, and is put aside after the third."""
    dead = sqs.create_queue(QueueName="refused")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 3})
    url = sqs.create_queue(QueueName="cards", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "60"})["QueueUrl"]
    keys = {"access_key_id": "any", "secret_access_key": "any"}
    backoff = {"backoff_policy": {1: 1, 2: 3, 3: 1}, "backoff_tasks": ["shop.charge"]}
    shop = Shop(work, endpoint, predefined_queues={"cards": {"url": url, **keys, **backoff}})
    worker = shop.worker("cards")
    promises = [shop.tasks.charge.apply_async((f"card {number}",), queue="cards") for number in range(5)]
    shop.tasks.charge.apply_async(("stolen card",), queue="cards")
    equal([shop.result(promise) for promise in promises], [f"charged card {number}" for number in range(5)], "charges")
    shop.wait_for("the dead letter", lambda: depth(sqs, dead) == 1)
    times = [at for card, at in shop.noted("charge") if card.startswith("stolen")]
    equal(len(times), 3, "how often it was tried")
    equal((times[1] - times[0] >= 0.9, times[2] - times[1] >= 2.9), (True, True), f"how long it waited: {times}")
    letter = sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"], WaitTimeSeconds=5)["Messages"][0]
    equal(letter["Attributes"]["DeadLetterQueueSourceArn"], arn.replace("refused", "cards"), "where it comes from")
    equal(stop(worker), 0, "how the worker ended")
    equal(depth(sqs, url), 0, "what is left")


def main():
    options = rig.arguments(__doc__).parse_args()
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "celery")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    endpoint = rig.aws_endpoint(daemon)
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
    sqs = boto3.client("sqs", endpoint_url=endpoint, region_name="us-east-1", **keys)
    shop = Shop(work / "made", endpoint, queue_name_prefix="lab-")
    worker, url = made(shop, sqs)
    worker = killed(shop, sqs, worker, url)
    stopped(shop, sqs, worker, url)
    ordered(shop, sqs)
    predefined(work / "told", endpoint, sqs)
    daemon.stop()
    print(f"Celery {celery.__version__}, kombu {kombu.__version__}: {shop.workers + 1} workers", flush=True)


if __name__ == "__main__":
    rig.run(main)
