"""Workers of Caudal in Python: one function for each message, the rest is here.

    from caudal_worker import Filtered, Hopeless, Retry, run

    def review(message):
        return {"trip": message.data["trip"], "long": message.data["seconds"] > 3600}

    run(review)

What the function returns is sent on: a value is one result, a list is as many results as it has items,
None is none. `raise Filtered()` leaves the message out, `raise Retry("busy", after=2.5)` has it tried
again, `raise Hopeless("no such user")` sends it to the dead-letter queue; any other exception is a
failed attempt with the exception as its reason. Messages may come more than once.

Print and log as you like: stdout becomes stderr, which Caudal logs. Needs Python 3.9 and nothing else;
copy the file beside your program. The protocol is in PROTOCOL.md.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

__all__ = ["Filtered", "Hopeless", "Message", "Retry", "run"]

log = logging.getLogger("caudal")

# Answers are gathered for at most this long, in seconds.
GATHER = 0.05


class Filtered(Exception):
    """The message is left out on purpose."""


class Hopeless(Exception):
    """The message can never be processed; the argument is the reason."""


class Retry(Exception):
    """Another attempt may help, after so many seconds if asked for."""

    def __init__(self, reason, after=None):
        super().__init__(reason)
        self.after = after


class Message:
    """One message: `id`, `attempt` (1 at first), `key` and `data`, which is its JSON."""

    __slots__ = ("id", "attempt", "key", "data", "_pipe")

    def __init__(self, fields, pipe):
        self.id = fields["id"]
        self.attempt = fields["attempt"]
        self.key = fields["key"]
        self.data = fields["data"]
        self._pipe = pipe

    def beat(self):
        """Says that the work goes on; call it now and then in a long loop."""
        self._pipe.beat()


class _Pipe:
    """The way to Caudal: the stdout that we were started with, which nobody else can print to."""

    def __init__(self):
        self._out = os.fdopen(os.dup(1), "wb")
        sys.stdout.flush()
        os.dup2(2, 1)
        self._lock = threading.Lock()
        self._gathered = []
        self._since = 0.0

    def _write(self, lines):
        self._out.write(b"".join(lines))
        self._out.flush()

    def say(self, value):
        with self._lock:
            self._write([_line(value)])

    def answer(self, line):
        with self._lock:
            now = time.monotonic()
            if not self._gathered:
                self._since = now
            self._gathered.append(line)
            if now - self._since >= GATHER:
                self._flush()

    def flush(self):
        with self._lock:
            self._flush()

    def _flush(self):
        gathered, self._gathered = self._gathered, []
        if gathered:
            self._write(gathered)

    def beat(self):
        with self._lock:
            gathered, self._gathered = self._gathered, []
            self._write([*gathered, b'{"heartbeat":true}\n'])


def _line(value):
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _judge(handle, message):
    """What the function makes of a message, as a line."""
    try:
        made = handle(message)
        results = [] if made is None else made if isinstance(made, list) else [made]
        # What is no JSON is a fault of this message, not of the program.
        return _line({"id": message.id, "status": "done", "results": results})
    except Filtered:
        return _line({"id": message.id, "status": "filtered"})
    except Hopeless as fault:
        return _line({"id": message.id, "status": "hopeless", "reason": _text(fault)})
    except Retry as fault:
        after = {} if fault.after is None else {"retry_after": fault.after}
        return _line({"id": message.id, "status": "failed", "reason": _text(fault), **after})
    except Exception as fault:
        log.exception("message %s, attempt %s", message.id, message.attempt)
        reason = f"{type(fault).__name__}: {_text(fault)}"
        return _line({"id": message.id, "status": "failed", "reason": reason})


def _text(fault):
    return str(fault).encode("utf-8", "replace").decode()


class _Heart:
    """Beats in the background while a message is worked on, each for at most `longest` seconds."""

    def __init__(self, pipe, longest):
        self._pipe = pipe
        self._longest = longest
        self._every = float(os.environ.get("CAUDAL_TIME", "30")) / 3
        self._begun = {}
        self._lock = threading.Lock()
        if longest:
            threading.Thread(target=self._beat, daemon=True).start()

    def __enter__(self):
        with self._lock:
            self._begun[threading.get_ident()] = time.monotonic()

    def __exit__(self, *_):
        with self._lock:
            self._begun.pop(threading.get_ident(), None)

    def _beat(self):
        while True:
            time.sleep(self._every)
            with self._lock:
                now = time.monotonic()
                working = list(self._begun.values())
            # One that takes too long must not hide behind the others.
            if working and all(now - begun < self._longest for begun in working):
                self._pipe.beat()


class _Stop:
    """SIGTERM ends the program: at once while it waits, else after the messages at hand."""

    def __init__(self):
        self.asked = False
        self.waiting = False
        signal.signal(signal.SIGTERM, self._ask)

    def _ask(self, *_):
        self.asked = True
        if self.waiting:
            os._exit(0)


def run(handle, *, threads=1, longest=None):
    """Works until Caudal asks for an end.

    `threads` messages of a batch are worked on at once. `longest` is the most seconds that one message
    may take: up to then heartbeats keep the program alive (and the message its own) while the function
    works; without it the function must not take longer than the topology's `run.time`, or beat itself.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    pipe, stop = _Pipe(), _Stop()
    heart = _Heart(pipe, longest)

    def work(fields):
        if not stop.asked:
            message = Message(fields, pipe)
            with heart:
                line = _judge(handle, message)
            pipe.answer(line)

    with ThreadPoolExecutor(threads) as pool:
        pipe.say({"ready": True, "protocol": 1})
        while not stop.asked:
            stop.waiting = True
            line = sys.stdin.buffer.readline()
            stop.waiting = False
            if not line:
                return
            messages = json.loads(line)["messages"]
            if threads == 1:
                for fields in messages:
                    work(fields)
            else:
                list(pool.map(work, messages))
            pipe.flush()
