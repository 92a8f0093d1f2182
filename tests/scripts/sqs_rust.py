#!/usr/bin/env python3
"""Runs a program that is written with the SDK for Rust, tests/clients/rust, against a daemon. Needs that program, built,
at --client.
"""

import os
import subprocess
from pathlib import Path

import rig


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("--client", type=Path, required=True, help="the program")
    options = parser.parse_args()
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "rust")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [options.client, rig.aws_endpoint(daemon)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=rig.PATIENCE)
    if done.returncode:
        raise rig.Lost(f"the program ended with {done.returncode}: {done.stdout}{done.stderr}")
    print(done.stdout.strip(), flush=True)
    daemon.stop()


if __name__ == "__main__":
    rig.run(main)
