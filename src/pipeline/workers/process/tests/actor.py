"""A program that does what its messages tell it to, good and bad. `{"do": "crash", "until": 2}` crashes
at the first two attempts and is done at the third."""

import json
import os
import signal
import subprocess
import sys
import time

LINE = {"heartbeat": b'{"heartbeat":true}\n', "noise": b"Loading the model...\n", "json": b'{"hello":1}\n'}


def say(value):
    os.write(1, json.dumps(value).encode() + b"\n")


def note(text):
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(text + "\n")


def act(message):
    data, id = message["data"], message["id"]
    do = data.get("do", "done")
    if message["attempt"] > data.get("until", 10_000):
        do = "done"
    if do == "done":
        say({"id": id, "status": "done", "results": [data]})
    elif do == "answer":
        say({"id": id, **data["answer"]})
    elif do == "crash":
        print("about to crash", file=sys.stderr)
        os._exit(3)
    elif do == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif do == "leave":
        say({"id": id, "status": "done"})
        os._exit(0)
    elif do == "hang":
        time.sleep(1_000)
    elif do == "close":
        os.close(1)
        time.sleep(1_000)
    elif do in LINE:
        os.write(1, LINE[do])
        time.sleep(1_000)
    elif do == "long":
        os.write(1, b"x" * (17 << 20))
        time.sleep(1_000)
    elif do == "unknown":
        say({"id": "nobody/1", "status": "done"})
        time.sleep(1_000)
    elif do == "twice":
        say({"id": id, "status": "done", "results": [data]})
        say({"id": id, "status": "done", "results": [data]})
        time.sleep(1_000)
    elif do == "hog":
        kept = bytearray(os.urandom(1)) * (200 << 20)
        time.sleep(1_000)
        note(str(len(kept)))
    elif do == "child":
        child = subprocess.Popen(["sleep", "1000"])
        note(str(child.pid))
        say({"id": id, "status": "done", "results": [data]})
    elif do == "orphan":
        child = subprocess.Popen(["sleep", "1000"])
        note(str(child.pid))
        os._exit(4)
    elif do == "work":
        note("begun")
        for _ in range(data["beats"]):
            time.sleep(data["every"])
            os.write(1, LINE["heartbeat"])
        note("ended")
        say({"id": id, "status": "done", "results": [data]})


def main():
    mode = os.environ.get("MODE", "")
    note(f"started {os.getpid()}")
    if mode == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mode == "slow":
        time.sleep(1_000)
    if mode == "old":
        say({"ready": True, "protocol": 7})
    elif mode != "silent":
        say({"ready": True, "protocol": 1})
    for line in sys.stdin:
        for message in json.loads(line)["messages"]:
            act(message)
    note("end of stdin")
    if mode == "stubborn":
        time.sleep(1_000)


main()
