#!/usr/bin/env python3
"""Ends or hurts the daemon at a chosen system call: SIGKILL at the Nth storage call of a scripted
workload (also while it recovers from such an end), EIO on the Nth flush, ENOSPC on the Nth write and
on a file system that is really full.

A first run under strace counts the calls; then a seeded sample of (call, N) is tried, each in a
folder of its own. Needs strace; the full file system needs root.
"""

import json
import os
import random
import re
import shutil
import subprocess
import time
from collections import Counter

import rig

WRITES = ("pwritev", "pwrite64", "write", "fallocate", "ftruncate", "copy_file_range")
FLUSHES = ("fdatasync", "fsync")
NAMES = ("rename", "renameat", "renameat2", "unlink", "unlinkat", "linkat", "mkdir", "openat")
CALLS = WRITES + FLUSHES + NAMES
# These happen all the time outside the data folder: only their first few are worth a try.
CHATTY = {"write": 60, "openat": 60}
ENVIRONMENT = {"CAUDAL__STORAGE__LOG_FILE": "128KiB", "CAUDAL__STORAGE__SNAPSHOT": "256KiB"}
# Stops only at the calls that are traced; strace does not inject signals that way.
FAST = ("--seccomp-bpf",)
BATCHES = 14
STORAGE_FAILURE = 4
HASTY = rig.TOPOLOGY.replace("shards = 3", 'shards = 3\nretention = "300ms"').replace('every = "2s"', 'every = "200ms"')


class Trial:
    """One folder, its books, and the lives of the daemon in it."""

    def __init__(self, options, work, name, seed):
        self.binary = options.caudal
        self.folder = work / name
        self.data = self.folder / "data"
        self.folder.mkdir(parents=True)
        self.books = rig.Books(seed)
        self.daemon = None

    def launch(self, *strace):
        wrapper = ("strace", "-f", "-qq", *strace, "--") if strace else ()
        self.daemon = rig.Daemon(self.binary, self.folder, self.data, HASTY, ENVIRONMENT, wrapper)
        return self.daemon.wait_until_serving()

    def work(self):
        """The scripted workload; ends early when the daemon does. Returns the statuses that were not 200."""
        refused = []
        client = rig.Client(self.daemon, self.books)
        for number in range(BATCHES):
            try:
                status = client.post(self.books.next(10 + number * 3))
            except OSError:
                return refused
            if status != 200:
                refused.append(status)
            time.sleep(0.02)
        return refused

    def live(self, *strace):
        """One life: start, workload, everything to its end, SIGTERM."""
        if not self.launch(*strace):
            return self.daemon.wait()
        self.work()
        try:
            self.daemon.wait_until_settled(20)
            return self.daemon.stop()
        except (OSError, ValueError):
            return self.daemon.wait()

    def verify(self):
        """A life without faults: it must start, take records, end clean, and everything must be there."""
        if self.data.is_dir():
            rig.check_not_accused(self.binary, self.data)
        if not self.launch():
            raise rig.Lost(f"the daemon does not start again\n{self.daemon.tail()}")
        if self.work():
            raise rig.Lost("a healthy daemon refuses records")
        self.daemon.wait_until_settled()
        code = self.daemon.stop()
        if code != 0:
            raise rig.Lost(f"the daemon ended with {code}\n{self.daemon.tail()}")
        self.books.check(self.data)

    def done(self):
        self.daemon.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def count_calls(options, work):
    """How often one thread makes each call in the workload."""
    trial = Trial(options, work, "count", options.seed)
    trace = work / "count.trace"
    code = trial.live(*FAST, "-o", trace, "-e", f"trace={','.join(CALLS)}")
    if code != 0:
        raise rig.Lost(f"the workload under strace ended with {code}\n{trial.daemon.tail()}")
    trial.books.check(trial.data)
    by_thread = Counter()
    for line in trace.read_text(errors="replace").splitlines():
        found = re.match(r"(\d+) +(\w+)\(", line)
        if found and found[2] in CALLS:
            by_thread[found[1], found[2]] += 1
    trial.done()
    most = {}
    for (_, call), times in by_thread.items():
        most[call] = min(max(most.get(call, 0), times), CHATTY.get(call, 1 << 30))
    return most


def points(most, calls, count, draw):
    """A seeded sample of (call, N), every call about as often as its root share; all of them if they fit."""
    every = [(call, number) for call in calls for number in range(1, most.get(call, 0) + 1)]
    if len(every) <= count:
        return every
    weights = [most[call] ** -0.5 for call, _ in every]
    chosen = set()
    while len(chosen) < count:
        chosen.update(draw.choices(every, weights, k=count - len(chosen)))
    return sorted(chosen)


def kill_at(call, number):
    return ("-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}")


def try_kill(options, work, most, point, draw):
    call, number = point
    trial = Trial(options, work, f"kill-{call}-{number}", draw.getrandbits(32))
    code = trial.live(*kill_at(call, number))
    story = f"SIGKILL at {call} {number}"
    if code not in (0, -9, 137):
        raise rig.Lost(f"{story}: ended with {code}\n{trial.daemon.tail()}")
    for _ in range(draw.choice((0, 0, 1, 2))):
        # Again, early: within the recovery from the first.
        call = draw.choice([known for known in most if known not in CHATTY])
        number = draw.randint(1, min(8, most[call]))
        story += f", then at {call} {number}"
        code = trial.live(*kill_at(call, number))
        if code not in (0, -9, 137):
            raise rig.Lost(f"{story}: ended with {code}\n{trial.daemon.tail()}")
    try:
        trial.verify()
    except rig.Lost as fault:
        raise rig.Lost(f"{story}: {fault}") from fault
    trial.done()


def try_error(options, work, point, error, draw):
    """A failing call. After a failed flush of the log: no answer, and the end within a second."""
    call, number = point
    story = f"{error} on {call} {number}"
    trial = Trial(options, work, f"{error}-{call}-{number}".lower(), draw.getrandbits(32))
    trace = trial.folder / "trace"
    inject = f"inject={call}:error={error}:when={number}"
    begun = time.time()
    served = trial.launch(*FAST, "-ttt", "-o", trace, "-e", f"trace={call}", "-e", inject)
    answered = []
    if served:
        plain = trial.books.acknowledge

        def acknowledge(batch, answer):
            answered.append(time.time())
            plain(batch, answer)

        trial.books.acknowledge = acknowledge
        trial.work()
        trial.books.acknowledge = plain
    failed = [float(line.split()[1]) for line in trace.read_text().splitlines() if "INJECTED" in line]
    if call == "fdatasync" and failed:
        code = trial.daemon.wait(5)
        late = time.time() - max(failed[0], begun)
        if code != STORAGE_FAILURE:
            raise rig.Lost(f"{story}: ended with {code} instead of {STORAGE_FAILURE}\n{trial.daemon.tail()}")
        if late > 3 + BATCHES * 0.02:
            raise rig.Lost(f"{story}: lived on for {late:.1f} s")
        after = [moment for moment in answered if moment > failed[0] + 0.1]
        if after:
            raise rig.Lost(f"{story}: {len(after)} batches were acknowledged after the failed flush")
    elif served and trial.daemon.process.poll() is None:
        try:
            trial.daemon.wait_until_settled()
            trial.daemon.stop()
        except OSError:
            # It was about to end by the fault that it met.
            trial.daemon.wait(5)
    try:
        trial.verify()
    except rig.Lost as fault:
        raise rig.Lost(f"{story}: {fault}") from fault
    trial.done()
    return bool(failed)


def fill(folder, leave):
    """Takes the space of a file system, all but `leave` bytes."""
    with open(folder / "ballast", "ab") as ballast:
        while True:
            space = os.statvfs(folder)
            free = space.f_bavail * space.f_frsize - leave
            if free <= 0:
                return
            try:
                ballast.write(b"\0" * min(free, 1 << 20))
                ballast.flush()
            except OSError:
                return


def post_until(trial, wanted, patience, what):
    """Posts small batches until an answer is as wanted."""
    deadline = time.monotonic() + patience
    client = rig.Client(trial.daemon, trial.books)
    seen = Counter()
    while time.monotonic() < deadline:
        try:
            status = client.post(trial.books.next(20))
        except OSError as fault:
            raise rig.Lost(f"{what}: no answer ({fault})\n{trial.daemon.tail()}") from fault
        seen[status] += 1
        if wanted(status):
            return status
        time.sleep(0.05)
    raise rig.Lost(f"{what}: answers were {dict(seen)}\n{trial.daemon.tail()}")


def try_full_disk(options, work, leave):
    """A file system without room: throttled, alive, readable; and well again when room returns."""
    small = work / f"small-{leave}"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", small]).returncode != 0:
        raise rig.Skip("tmpfs cannot be mounted")
    try:
        trial = Trial(options, work, f"full-{leave}", options.seed)
        trial.data = small / "data"
        environment = {**ENVIRONMENT, "CAUDAL__STORAGE__FREE_SPACE_FLOOR": "6MiB"}
        trial.daemon = rig.Daemon(trial.binary, trial.folder, trial.data, HASTY, environment)
        if not trial.daemon.wait_until_serving() or trial.work():
            raise rig.Lost(f"the workload fails with room\n{trial.daemon.tail()}")
        trial.daemon.wait_until_settled()
        fill(small, leave)
        status = post_until(trial, lambda status: status != 200, 20, "full disk")
        if status not in (429, 503, 507):
            raise rig.Lost(f"a full disk is answered with {status}")
        for path in ("/livez", "/health", "/metrics"):
            if trial.daemon.get(path)[0] != 200:
                raise rig.Lost(f"{path} fails on a full disk")
        query = [trial.binary, "query", "select count(*) as rows from warehouse.trips"]
        done = subprocess.run([*query, "--data", trial.data, "--format", "json"], capture_output=True, text=True)
        if done.returncode != 0:
            raise rig.Lost(f"reads fail on a full disk: {done.stderr}")
        (small / "ballast").unlink()
        post_until(trial, lambda status: status == 200, 20, "room again")
        trial.daemon.wait_until_settled()
        code = trial.daemon.stop()
        if code != 0:
            raise rig.Lost(f"ended with {code}\n{trial.daemon.tail()}")
        trial.books.check(trial.data)
        return status
    finally:
        trial.daemon.kill()
        subprocess.run(["umount", small], check=False)


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("--points", type=int, default=40, help="how many (call, N) are tried with SIGKILL")
    parser.add_argument("--errors", type=int, default=16, help="how many calls are made to fail")
    parser.add_argument("--limit", type=int, default=900, help="seconds")
    options = parser.parse_args()
    rig.need_tools("strace")
    options.caudal = rig.check_binary(options.caudal)
    work = rig.work_folder(options, "syscall")
    draw = random.Random(options.seed)
    begun = time.monotonic()
    if subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "true"], capture_output=True).returncode != 0:
        raise rig.Skip("strace may not trace here")
    most = count_calls(options, work)
    print(f"calls of the workload: {json.dumps(most, sort_keys=True)}", flush=True)

    killed = hurt = 0
    plan = [("kill", point, "") for point in points(most, CALLS, options.points, draw)]
    plan += [("error", point, "EIO") for point in points(most, FLUSHES, options.errors // 2, draw)]
    plan += [("error", point, "ENOSPC") for point in points(most, WRITES[:2] + WRITES[3:5], options.errors // 2, draw)]
    draw.shuffle(plan)
    for kind, point, error in plan:
        if time.monotonic() - begun > options.limit:
            print(f"stopped at the limit of {options.limit} s", flush=True)
            break
        if kind == "kill":
            try_kill(options, work, most, point, draw)
            killed += 1
        else:
            hurt += try_error(options, work, point, error, draw)
    print(
        f"SIGKILL at {killed} calls and errors on {hurt}, seed {options.seed}, "
        f"{time.monotonic() - begun:.0f} s: nothing acknowledged was lost",
        flush=True,
    )
    if options.points + options.errors > 4 and (killed == 0 or hurt == 0):
        raise rig.Lost("nothing was injected")
    if os.geteuid() == 0:
        for leave in (2 << 20, 0):
            status = try_full_disk(options, work, leave)
            print(f"full disk with {leave} bytes left: throttled with {status}, recovered", flush=True)
    else:
        print("skipped: the full file system (mounting tmpfs needs root)", flush=True)
    return 0


if __name__ == "__main__":
    rig.run(main)
