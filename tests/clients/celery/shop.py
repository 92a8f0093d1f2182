"""An application of Celery's as it runs on SQS: only the broker's address says where that is. Each task notes that
it was begun, in the file that NOTES names."""

import ast
import json
import os
import time

from celery import Celery

app = Celery("shop", broker=os.environ["BROKER"], backend=f"file://{os.environ['RESULTS']}")
app.conf.update(
    broker_transport_options=ast.literal_eval(os.environ["TRANSPORT"]),
    broker_connection_retry_on_startup=True,
    task_default_queue="orders",
    # As Celery's manual has it for SQS, which has no broadcasts.
    worker_enable_remote_control=False,
    worker_prefetch_multiplier=1,
)


def note(*words):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(json.dumps([*words, time.time()]) + "\n")


class OutOfStock(Exception):
    pass


@app.task
def price(net):
    note("price", net)
    return round(net * 1.21, 2)


@app.task
def total(prices):
    return round(sum(prices), 2)


@app.task(acks_late=True)
def label(parcel):
    note("label", parcel)
    return f"labelled {parcel}"


@app.task
def pack(order):
    """Takes its time; done before the worker may go."""
    note("pack", order)
    time.sleep(2)
    return f"packed {order}"


@app.task(bind=True, max_retries=3)
def reserve(self, order):
    """Fails twice; each retry is a message of its own."""
    note("reserve", order)
    if self.request.retries < 2:
        raise self.retry(exc=OutOfStock(order), countdown=1)
    return f"reserved {order}"


@app.task(acks_late=True)
def ship(order, flag):
    """Ends when the flag is there; a worker that is killed meanwhile has not acknowledged it."""
    note("ship", order)
    while not os.path.exists(flag):
        time.sleep(0.05)
    return f"shipped {order}"


@app.task(acks_late=True, acks_on_failure_or_timeout=False)
def charge(card):
    """A failure is no acknowledgement: SQS delivers it again, and puts it aside in the end."""
    note("charge", card)
    if card.startswith("stolen"):
        raise OutOfStock(card)
    return f"charged {card}"
