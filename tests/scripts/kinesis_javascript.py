#!/usr/bin/env python3
"""Runs an unmodified client of AWS for JavaScript against a daemon: `v2`, `v3` or `browser`, a script under
tests/clients/javascript. Needs node, and the packages of that folder's package.json in --modules.
"""

import javascript
import rig


def main():
    parser = rig.arguments(__doc__)
    parser.add_argument("client", choices=["v2", "v3", "browser"])
    options = javascript.options(parser, patience=150)
    binary, work = rig.check_binary(options.caudal), rig.work_folder(options, "javascript")
    daemon = rig.Daemon(binary, work, work / "data", rig.AWS_TOPOLOGY)
    print(javascript.run(options.client, rig.aws_endpoint(daemon), options.modules, options.patience), flush=True)
    daemon.stop()


if __name__ == "__main__":
    rig.run(main)
