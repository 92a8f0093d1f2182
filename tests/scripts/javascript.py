"""What scripts that drive JavaScript share: where its programs are, and the packages that they need."""

import os
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
