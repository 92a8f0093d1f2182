"""The servers that are compared: how each is installed, started on a loopback port, put under load, and ended.

What is installed stays in a cache folder of its own, `caudal/peers` below `$XDG_CACHE_HOME` or
`~/.cache`; nothing of it is used by Caudal itself.
"""

import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "caudal" / "peers"
PATIENCE = 60.0
# Settings of the user's own daemon are not those of the one that is measured.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CAUDAL")}

# A daemon that is nothing but its endpoint: streams and queues are made by the load.
TOPOLOGY = """
[ingress.collector]
to = "nothing"
[stream.nothing]
shards = 1
"""

# Who is told to end ends the servers that it began.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Absent(Exception):
    """A peer that cannot be installed here."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def do(*command, **options):
    """Runs a command to its end; what it prints is shown only when it fails."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise Absent(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()[-800:]}")
    return done.stdout


def need(program):
    found = shutil.which(program)
    if found is None:
        raise Absent(f"{program} is not installed")
    return found


class Server:
    """A running server; it ends with the `with` that began it."""

    def __init__(self, command, port, environment=None, folder=None, beside=None):
        self.address, self.folder = f"127.0.0.1:{port}", folder
        self.log = tempfile.TemporaryFile()
        self.child = subprocess.Popen(
            [str(word) for word in command], env={**ENVIRONMENT, **(environment or {})},
            cwd=beside, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True,
        )

    def __enter__(self):
        begun = time.monotonic()
        host, port = self.address.split(":")
        while time.monotonic() - begun < PATIENCE:
            if self.child.poll() is not None:
                break
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.1)
        self.__exit__()
        raise Absent(f"did not serve: {self.told()}")

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def told(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")[-800:]

    def resident(self):
        """Resident memory in MiB."""
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024


def caudal(binary):
    """Ours, with its records flushed before each answer, on the disk of the repository."""
    folder = Path(tempfile.mkdtemp(prefix=".tmp-versus-", dir=ROOT))
    topology, port = folder / "topology.toml", free_port()
    topology.write_text(TOPOLOGY)
    command = [binary.resolve(), "run", topology, "--data", folder / "data", "--ingress", "127.0.0.1:0"]
    command += ["--admin", "127.0.0.1:0", "--aws", f"127.0.0.1:{port}"]
    return Server(command, port, folder=folder, beside=folder)


def nothing(load):
    """A server that stores nothing and answers what was made before: the most that any could show."""
    port = free_port()
    return Server([load.resolve(), "nothing", port], port)


def ferrokinesis():
    """Rust, in memory; from crates."""
    binary = CACHE / "ferrokinesis" / "bin" / "ferrokinesis"
    if not binary.exists():
        print("installing ferrokinesis: some minutes", file=sys.stderr)
        target = CACHE / "ferrokinesis-target"
        do(need("cargo"), "install", "ferrokinesis", "--version", "^0.7", "--locked",
           "--root", CACHE / "ferrokinesis", "--target-dir", target)
        shutil.rmtree(target, ignore_errors=True)
    port = free_port()
    return Server([binary, "--port", port, "--create-stream-ms", 0], port)


def node_module(name, version):
    folder = CACHE / "npm"
    if not (folder / "node_modules" / name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        do(need("npm"), "install", "--no-audit", "--no-fund", "--prefix", folder, f"{name}@{version}")
    return folder / "node_modules" / ".bin" / name


def kinesis_local():
    """Scala on Node.js, in memory; from npm."""
    binary, port = node_module("kinesis-local", "0.6"), free_port()
    environment = {
        "KINESIS_MOCK_PLAIN_PORT": str(port), "KINESIS_MOCK_TLS_PORT": str(free_port()),
        "CREATE_STREAM_DURATION": "0s", "LOG_LEVEL": "ERROR",
    }
    # It looks for its certificate where it is started.
    return Server([need("node"), binary.resolve()], port, environment, beside=binary.resolve().parent)


def kinesalite():
    """Node.js, in memory; from npm."""
    binary, port = node_module("kinesalite", "3"), free_port()
    return Server([need("node"), binary.resolve(), "--port", port, "--createStreamMs", 0, "--shardLimit", 1000], port)


def python():
    """A Python of its own with the moto server and boto3; from PyPI."""
    folder = CACHE / "python"
    binary = folder / "bin" / "python"
    try:
        do(binary, "-c", "import boto3, moto.server")
    except (Absent, OSError):
        do(sys.executable, "-m", "venv", "--clear", folder)
        do(binary, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "moto[server]>=5,<6", "boto3>=1.44")
    return binary


def moto():
    """Python, in memory; from PyPI."""
    binary, port = python(), free_port()
    return Server([binary, "-m", "moto.server", "-H", "127.0.0.1", "-p", port], port)


def node():
    """The Node.js of this machine, or, where that is older than fauxqs wants, one from npm."""
    found = shutil.which("node")
    version = do(found, "--version").strip().lstrip("v").split(".") if found else ["0", "0"]
    if (int(version[0]), int(version[1])) >= (22, 5):
        return found
    kind = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    node_module(f"node-linux-{kind}", "22")
    return CACHE / "npm" / "node_modules" / f"node-linux-{kind}" / "bin" / "node"


def fauxqs():
    """Node.js, in memory; from npm."""
    binary, port = node_module("fauxqs", "2"), free_port()
    return Server([node(), binary.resolve()], port, {"FAUXQS_PORT": str(port), "FAUXQS_LOGGER": "false"})


QUEUE_PEERS = {"fauxqs": fauxqs, "moto": moto}
PEERS = {"ferrokinesis": ferrokinesis, "kinesis-local": kinesis_local, "kinesalite": kinesalite, "moto": moto}

WITHOUT_CBOR = {"moto"}


def loaded(load, server, what, seconds):
    """What the load tells of a server that it drove."""
    done = subprocess.run([load, *what, server.address, str(seconds)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Absent(f"{' '.join(what)}: {done.stderr.strip()[-600:]}")
    return json.loads(done.stdout)


def built(*arguments):
    """Builds with cargo; gives the executables by their targets' names."""
    # cargo may not be where a bare shell looks for it.
    cargo = shutil.which("cargo") or Path.home() / ".cargo" / "bin" / "cargo"
    command = [cargo, *arguments, "--message-format", "json"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {one["target"]["name"]: Path(one["executable"]) for one in told if one.get("executable")}
