"""What scripts that drive JavaScript share: where its programs are, the packages that they need, how they are run."""

import os
import signal
import subprocess
from pathlib import Path

import rig

PROGRAMS = Path(__file__).resolve().parents[1] / "clients" / "javascript"


def options(parser, patience):
    """Reads the arguments; the script is skipped where node or the packages are missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "caudal"
    parser.add_argument("--modules", type=Path, default=cache / "javascript", help="folder that holds node_modules")
    parser.add_argument("--patience", type=float, default=patience, help="seconds after which it has failed")
    chosen = parser.parse_args()
    rig.need_tools("node")
    if not (chosen.modules / "node_modules").is_dir():
        raise rig.Skip(f"the packages of {PROGRAMS / 'package.json'} are not installed in {chosen.modules}")
    return chosen


def run(client, endpoint, modules, patience):
    """Runs a script to its end; gives what it printed."""
    # Nothing of this user's own AWS is to be asked.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"NODE_PATH": str(modules / "node_modules"), "AWS_EC2_METADATA_DISABLED": "true"}
    # Of the support for their versions.
    environment |= {"NODE_NO_WARNINGS": "1", "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1"}
    process = subprocess.Popen(
        ["node", str(PROGRAMS / f"{client}.js"), endpoint], env=environment, text=True,
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
