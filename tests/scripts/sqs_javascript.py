#!/usr/bin/env python3
"""Runs an unmodified client of SQS for JavaScript against a daemon: `v2`, `v3` or `consumer`, a script under
tests/clients/javascript/queues. Needs node, and the packages of package.json above it in --modules.
"""

import javascript
import rig


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("client", choices=["v2", "v3", "consumer"])
    options = javascript.options(parser, patience=150)
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "queues")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    client = f"queues/{options.client}"
    print(javascript.run(client, rig.aws_endpoint(daemon), options.modules, options.patience), flush=True)
    daemon.stop()


if __name__ == "__main__":
    rig.run(main)
