#!/usr/bin/env python3
"""Runs an unmodified client of AWS for JavaScript against a daemon: `v2`, `v3` or `browser`, a script under
tests/clients/javascript. Needs node, and the packages of that folder's package.json in --modules.
"""

import os
import signal
import subprocess

import javascript
import rig


def run(client, endpoint, modules, patience):
    """Runs a script to its end; gives what it printed."""
    # Nothing of this user's own AWS is to be asked.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"NODE_PATH": str(modules / "node_modules"), "AWS_EC2_METADATA_DISABLED": "true"}
    # Of the support for their versions.
    environment |= {"NODE_NO_WARNINGS": "1", "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1"}
    process = subprocess.Popen(
        ["node", str(javascript.PROGRAMS / f"{client}.js"), endpoint], env=environment, text=True,
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
    options = javascript.options(parser, patience=150)
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "javascript")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    print(run(options.client, rig.aws_endpoint(daemon), options.modules, options.patience), flush=True)
    daemon.stop()


if __name__ == "__main__":
    rig.run(main)
