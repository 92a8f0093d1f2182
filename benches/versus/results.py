"""What a script of this folder found: told line by line, and written as JSON with machine, date and commit.

`benches/report` makes BENCHMARKS.md of these files. A row of `kind` "ratio" has the rounds of both sides, one of
`kind` "value" those of Caudal alone, one of `kind` "absent" the reason why nothing was measured.
"""

import datetime
import json
import os
import platform
import statistics
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLUSHES = 200


def option(parser):
    parser.add_argument("--json", type=Path, help="write what was found to this file, too")


def first_line(path, start):
    lines = Path(path).read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(start)), "unknown")


def file_system(path):
    """Type of the file system that holds a folder, and the kind of its disk."""
    found, kind, number = -1, "unknown", ""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, behind = line.partition(" - ")
        fields = fields.split()
        mounted = Path(fields[4])
        if (mounted == path or mounted in path.parents) and len(mounted.parts) > found:
            found, kind, number = len(mounted.parts), behind.split()[0], fields[2]
    device = Path(f"/sys/dev/block/{number}").resolve()
    kinds = {"vd": "a virtual disk (virtio)", "xv": "a virtual disk (Xen)", "nv": "NVMe"}
    turns = [queue for queue in (device / "queue/rotational", device.parent / "queue/rotational") if queue.exists()]
    if device.name[:2] in kinds:
        return f"{kind} on {kinds[device.name[:2]]}"
    if turns:
        return f"{kind} on {'a disk that turns' if turns[0].read_text().strip() == '1' else 'a solid-state disk'}"
    return kind


def flush_time(folder):
    """Milliseconds of writing 4 KiB and `fdatasync`, at the median."""
    path, times = folder / f".tmp-flush-{os.getpid()}", []
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        for number in range(FLUSHES):
            begun = time.monotonic()
            os.pwrite(file, b"f" * 4096, number * 4096)
            os.fdatasync(file)
            times.append(time.monotonic() - begun)
    finally:
        os.close(file)
        path.unlink()
    return statistics.median(times) * 1e3


def machine():
    memory = int(first_line("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    return {
        "processor": first_line("/proc/cpuinfo", "model name"), "cores": os.cpu_count(), "memory_gib": round(memory),
        "kernel": platform.release(), "disk": file_system(ROOT), "flush_ms": round(flush_time(ROOT), 3),
    }


def commit():
    """The commit, and whether more than results has changed since."""
    def git(*words):
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True).stdout
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!BENCHMARKS.md", ":!benches/results")
    return git("rev-parse", "--short", "HEAD").strip() + (" with changes" if changed.strip() else "")


class Results:
    """The rows of one section."""

    def __init__(self, name, about):
        self.name, self.about, self.rows = name, about, []

    def add(self, kind, what, **fields):
        self.rows.append({"kind": kind, "what": what, **fields})
        return self.rows[-1]

    def ratio(self, what, against, unit, ours, theirs, target=None, bound="at least", note=""):
        """Higher is better; the range goes from our slowest beside their fastest to the other way round."""
        ratio = statistics.median(ours) / statistics.median(theirs)
        return self.add(
            "ratio", what, against=against, unit=unit, ours=ours, theirs=theirs, ratio=ratio, target=target, bound=bound,
            min=min(ours) / max(theirs), max=max(ours) / min(theirs), note=note, met=met(ratio, target, bound),
        )

    def value(self, what, unit, values, target=None, bound="at most", note=""):
        value = statistics.median(values)
        return self.add("value", what, unit=unit, ours=values, target=target, bound=bound, note=note,
                        met=met(value, target, bound))

    def absent(self, what, against, reason):
        return self.add("absent", what, against=against, reason=str(reason), met=False)

    def missed(self):
        return sum(row["met"] is False for row in self.rows)

    def write(self, path):
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        told = {"name": self.name, "about": self.about, "date": date, "commit": commit(), "machine": machine(), "rows": self.rows}
        path.write_text(json.dumps(told, indent=1) + "\n")


def met(value, target, bound):
    if target is None:
        return None
    return value >= target if bound == "at least" else value <= target


def verdict(row):
    return {True: "met", False: "SHORT", None: "no target"}[row["met"]]


def spread(values):
    """The median of rounds, and how far they went."""
    return f"{statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


def line(row):
    """A row in one line."""
    if row["kind"] == "absent":
        return f"{row['what']}, against {row['against']}: not measured: {row['reason']}"
    asked = "" if row["target"] is None else f", {row['bound']} {row['target']:g}"
    if row["kind"] == "value":
        low, high = min(row["ours"]), max(row["ours"])
        return f"{row['what']}: {statistics.median(row['ours']):.2f} {row['unit']} ({low:.2f} to {high:.2f}){asked}: {verdict(row)}"
    return (f"{row['what']}, against {row['against']}: {spread(row['ours'])} to {spread(row['theirs'])} {row['unit']}: "
            f"{row['ratio']:.2f} x ({row['min']:.2f} to {row['max']:.2f}){asked}: {verdict(row)}")
