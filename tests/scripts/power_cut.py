#!/usr/bin/env python3
"""Cuts the power: a reflink copy of the disk keeps exactly what had reached it, and the daemon must
find every record in that copy that it had acknowledged before. So it must with the messages of a standard and
of a FIFO queue: none sent is lost, none deleted comes back, each group in its order.

An XFS image holds disk.img, disk.img holds ext4, ext4 holds the data folder. Cloning disk.img takes
milliseconds and leaves the page cache out, as a power cut does. The clients' books lie elsewhere.
Needs root, loop devices and xfsprogs; exits 77 where these are not to be had, for nothing else
without kernel support drops pages that were written and not flushed.
"""

import fcntl
import os
import random
import subprocess
import time

import queue_books
import rig

FICLONE = 0x40049409


def tool(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise rig.Skip(f"`{' '.join(map(str, command))}` failed: {done.stderr.strip()}")


class Disk:
    """A disk whose power can be cut."""

    def __init__(self, work):
        self.outer, self.mount = work / "outer", work / "disk"
        self.image, self.clone = self.outer / "disk.img", self.outer / "clone.img"
        self.mounted = []
        for folder in (self.outer, self.mount):
            folder.mkdir()
        for image, size in ((work / "outer.img", 16 << 30),):
            with open(image, "wb") as file:
                file.truncate(size)
        tool("mkfs.xfs", "-q", "-m", "reflink=1", work / "outer.img")
        self.attach(work / "outer.img", self.outer, "loop")
        with open(self.image, "wb") as file:
            file.truncate(4 << 30)
        tool("mkfs.ext4", "-q", "-F", self.image)
        self.power_on()

    def attach(self, image, folder, options):
        tool("mount", "-o", options, image, folder)
        self.mounted.append(folder)

    def power_on(self):
        # noauto_da_alloc: a rename without a flush is not forgiven.
        self.attach(self.image, self.mount, "loop,noauto_da_alloc")

    def cut(self):
        """Keeps what has reached the disk now."""
        with open(self.image, "rb") as source, open(self.clone, "wb") as copy:
            try:
                fcntl.ioctl(copy.fileno(), FICLONE, source.fileno())
            except OSError as fault:
                raise rig.Skip(f"no reflink copies here: {fault}") from fault

    def restore(self):
        """Goes back to the last cut."""
        self.detach(self.mount)
        self.clone.rename(self.image)
        self.power_on()

    def detach(self, folder):
        for _ in range(200):
            if subprocess.run(["umount", folder], capture_output=True).returncode == 0:
                self.mounted.remove(folder)
                return
            time.sleep(0.02)
        raise rig.Lost(f"{folder} stays busy")

    def close(self):
        for folder in reversed(list(self.mounted)):
            self.detach(folder)


class Session:
    """The daemon on a disk, clients beside it, and cuts."""

    def __init__(self, options, work, disk, flush):
        self.binary, self.work, self.disk = options.caudal, work, disk
        self.data = disk.mount / "data"
        self.draw = random.Random(options.seed)
        self.seed, self.flush = options.seed, flush
        self.books, self.queues = rig.Books(options.seed), queue_books.QueueBooks()
        self.messages = 0
        self.environment = {
            "CAUDAL__STORAGE__LOG_FILE": "2MiB",
            "CAUDAL__STORAGE__SNAPSHOT": "4MiB",
            "CAUDAL__STORAGE__DURABILITY": "sync" if flush else "none",
        }
        self.daemon = None
        self.slowest = 0.0

    def start(self):
        self.daemon = rig.Daemon(self.binary, self.work, self.data, environment=self.environment)

    def serve(self):
        begun = time.monotonic()
        if not self.daemon.wait_until_serving():
            raise rig.Lost(f"the daemon refuses the disk after the cut\n{self.daemon.tail()}")
        self.slowest = max(self.slowest, time.monotonic() - begun)

    def cut(self, number):
        """One life of the daemon, one power cut, and the comparison with the books."""
        clients = []
        if self.draw.random() < 0.12:
            time.sleep(self.draw.uniform(0, 0.12))  # within recovery
        else:
            self.serve()
            clients.append(rig.Producers(self.daemon, self.books, 4, self.seed + number * 97))
            clients.append(queue_books.QueueClients(self.daemon, self.queues, self.seed + number * 89))
            time.sleep(self.draw.uniform(0.02, 0.5))
        with self.books.lock:
            acknowledged = len(self.books.acknowledged)
        marks = [self.queues.mark()]
        self.disk.cut()
        marks.append(self.queues.mark())
        self.daemon.kill()
        for client in clients:
            client.join()
        self.books.forget_after(acknowledged)
        self.disk.restore()
        if self.flush:
            rig.check_not_accused(self.binary, self.data)
        self.start()
        self.serve()
        self.daemon.wait_until_settled()
        self.messages += self.queues.check(self.daemon, *marks)
        return self.books.check(self.data)


def run_cuts(options, flush):
    work = rig.work_folder(options, "power")
    disk = None
    begun = time.monotonic()
    losses = []
    done = 0
    try:
        disk = Disk(work)
        session = Session(options, work, disk, flush)
        session.start()
        try:
            for number in range(1, options.cuts + 1):
                if time.monotonic() - begun > options.limit:
                    print(f"stopped at the limit of {options.limit} s", flush=True)
                    break
                done = number
                try:
                    session.cut(number)
                except rig.Lost as fault:
                    losses.append(f"cut {number}: {fault}")
                    break
        finally:
            if session.daemon:
                session.daemon.kill()
    finally:
        if disk:
            disk.close()
    spent = time.monotonic() - begun
    print(
        f"{done} power cuts in {spent:.1f} s, flush {'on' if flush else 'OFF'}, seed {options.seed}: "
        f"{len(session.books.acknowledged)} acknowledged records, {session.messages} messages, slowest start {session.slowest:.2f} s, "
        f"{'LOST: ' + losses[0] if losses else 'none lost'}",
        flush=True,
    )
    if not losses and done < options.cuts and done < options.least:
        raise rig.Lost(f"only {done} cuts were made; at least {options.least} are wanted")
    return losses


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--least", type=int, default=100, help="fewer cuts within the limit are a failure")
    parser.add_argument("--limit", type=int, default=900, help="seconds")
    parser.add_argument("--no-flush", action="store_true", help="acknowledge without flushing: must lose")
    parser.add_argument("--prove", action="store_true", help="both: no loss with flushes, loss without")
    options = parser.parse_args()
    rig.need_root("mounting loop devices")
    rig.need_tools("mkfs.xfs", "mkfs.ext4", "mount", "umount", "losetup")
    if not os.path.exists("/dev/loop-control"):
        raise rig.Skip("no loop devices")
    options.caudal = rig.check_binary(options.caudal)
    if not options.no_flush:
        losses = run_cuts(options, flush=True)
        if losses or not options.prove:
            return 1 if losses else 0
    options.cuts = options.least = min(options.cuts, 20)
    losses = run_cuts(options, flush=False)
    if options.no_flush:
        return 1 if losses else 0
    if not losses:
        raise rig.Lost("without flushes nothing was lost: this script cannot see losses")
    print("without flushes the script sees the loss, as it must", flush=True)
    return 0


if __name__ == "__main__":
    rig.run(main)
