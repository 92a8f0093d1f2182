"""What `cargo bench` prints of `limits` and `pieces`, a finding a line, as rows of results."""

import json
import re
from pathlib import Path

import results

RATIO = re.compile(
    r"^(?P<what>[^:]+): (?P<ours>[\d.]+) (?P<unit>.+?) against (?P<theirs>[\d.]+) .+? at the limit: "
    r"ratio (?P<ratio>[\d.]+) \((?P<min>[\d.]+) to (?P<max>[\d.]+)\), (?:target (?P<target>[\d.]+): (?P<verdict>met|short)|no target)$"
)
TEXT = re.compile(r"^(?P<what>[^:]+): (?P<text>.+), (?:target (?P<target>[\d.]+): (?P<verdict>met|short)|no target)$")
MET = {"met": True, "short": False, None: None}


def limits_of(told):
    """What each piece stands beside, in words: in the file whose path `pieces` prints last."""
    file = Path(told[-1].strip()) if told else Path()
    if file.suffix != ".json" or not file.exists():
        return {}
    return {row["piece"]: row["limit"] for row in json.loads(file.read_text())["pieces"]}


def read(name, about, told):
    """The rows of all lines that are findings; others are left out."""
    found, limits = results.Results(name, about), limits_of(told)
    for line in told:
        if ratio := RATIO.match(line):
            numbers = {part: float(ratio[part]) for part in ("ratio", "min", "max")}
            found.add(
                "ratio", ratio["what"], against=limits.get(ratio["what"], "the limit"), is_limit=True, unit=ratio["unit"], ours=[float(ratio["ours"])],
                theirs=[float(ratio["theirs"])], target=ratio["target"] and float(ratio["target"]), bound="at least", note="",
                met=MET[ratio["verdict"]], **numbers,
            )
        elif text := TEXT.match(line):
            target = text["target"] and float(text["target"])
            found.add("text", text["what"], text=text["text"], target=target, bound="at most", met=MET[text["verdict"]])
    return found
