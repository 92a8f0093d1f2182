#!/usr/bin/env python3
"""Runs an unmodified client of AWS for JavaScript against a daemon: `v2`, `v3` or `browser`, a script under
tests/clients/javascript. Needs node, and the packages of that folder's package.json in --modules.
"""

import os
import signal
import subprocess
from pathlib import Path

import rig

SCRIPTS = Path(__file__).resolve().parents[1] / "clients" / "javascript"


def run(client, endpoint, modules, patience):
    """Runs a script to its end; gives what it printed."""
    # Nothing of this user's own AWS is to be asked.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"NODE_PATH": str(modules / "node_modules"), "AWS_EC2_METADATA_DISABLED": "true"}
    # Of the support for their versions.
    environment |= {"NODE_NO_WARNINGS": "1", "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1"}
    process = subprocess.Popen(
        ["node", str(SCRIPTS / f"{client}.js"), endpoint], env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )
    try:
        told, _ = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        told, _ = process.communicate()
        raise rig.Lost(f"{client} does not end within {patience} s\n{told}") from None
    if process.returncode:
        raise rig.Lost(f"{client} ended with {process.returncode}\n{told}")
    return told.strip()


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("client", choices=["v2", "v3", "browser"])
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "caudal"
    parser.add_argument("--modules", type=Path, default=cache / "javascript", help="folder that holds node_modules")
    parser.add_argument("--patience", type=float, default=150, help="seconds after which it has failed")
    options = parser.parse_args()
    rig.need_tools("node")
    if not (options.modules / "node_modules").is_dir():
        raise rig.Skip(f"the packages of {SCRIPTS / 'package.json'} are not installed in {options.modules}")
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "javascript")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    print(run(options.client, rig.aws_endpoint(daemon), options.modules, options.patience), flush=True)
    daemon.stop()


if __name__ == "__main__":
    rig.run(main)
