"""BENCHMARKS.md out of the results of all sections."""

import statistics
import textwrap

# Blocks of a bar that stand for the target, and most blocks of one.
BLOCKS, MOST_BLOCKS = 10, 20
HEAD = """# Benchmarks

Made by `benches/report`, which runs every bench on one machine, one after the other, and writes this file; the figures are in
`benches/results`. Ratios are what can be compared between machines, for both sides ran in the same minutes on the same
disk; each stands with its range, from our slowest round beside their fastest to our fastest beside their slowest. In
bars ten blocks are the target, or as fast as the other where there is none; they end at twenty. Caudal's records are on disk
(`fdatasync`) before each answer, whatever the peer does.
"""


def document(titles, sections):
    """The whole file; `sections` are what was read of `benches/results`, by name."""
    parts = [HEAD, machines(sections), shortcomings(titles, sections)]
    for name, title in titles.items():
        parts.append(section(name, title, sections[name]) if name in sections else f"## {title}\n\nNot measured yet.\n")
    return "\n".join(parts)


def named(machine):
    return (f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB of memory, Linux {machine['kernel']}, "
            f"{machine['disk']}")


def machines(sections):
    """One line for each machine that was measured on, with its sections where they are several."""
    found = {}
    for name, told in sections.items():
        found.setdefault(named(told["machine"]), []).append((name, told["machine"]["flush_ms"]))
    lines = []
    for machine, measured in found.items():
        times = [time for _, time in measured]
        of = "" if len(found) == 1 else f" ({', '.join(name for name, _ in measured)})"
        lines.append(f"- {machine}{of}; writing and flushing 4 KiB took {min(times):.2f} to {max(times):.2f} ms")
    return "## Machine\n\n" + "\n".join(lines or ["- none yet"]) + "\n"


def shortcomings(titles, sections):
    """What misses its target, what is slower than a peer, and what could not be measured."""
    lines = []
    for name, told in sections.items():
        for row in told["rows"]:
            if row["kind"] == "absent":
                lines.append(f"- {titles[name]}: {row['what']}, against {row['against']}: not measured")
            elif row["met"] is False:
                lines.append(f"- {titles[name]}: {what(row)}: {reached(row)}, **short of its target** ({row['bound']} {row['target']:g})")
            elif row["kind"] == "ratio" and row["ratio"] < 1 and row["target"] is None and is_peer(row):
                lines.append(f"- {titles[name]}: {what(row)}: {reached(row)}, **slower**")
    return "## Where Caudal falls short\n\n" + "\n".join(lines or ["- nowhere that was measured"]) + "\n"


def is_peer(row):
    """A limit is no peer: nobody is faster than what stores nothing."""
    return not row.get("is_limit") and row["against"] != "a server that stores nothing"


def what(row):
    return f"{row['what']}, against {row['against']}" if row["kind"] == "ratio" else row["what"]


def reached(row):
    if row["kind"] == "ratio":
        return f"{number(row['ratio'])} x"
    return row["text"] if row["kind"] == "text" else f"{number(statistics.median(row['ours']))} {row['unit']}"


def number(value):
    """Three digits that count, thousands apart."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def spread(values):
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))} to {number(max(values))})"


def bar(row):
    share = row["ratio"] / (row["target"] or 1)
    if row["bound"] == "at most":
        return ""
    return "█" * max(1, min(MOST_BLOCKS, round(share * BLOCKS))) + ("…" if share * BLOCKS > MOST_BLOCKS else "")


def asked(row):
    if row["target"] is None:
        return ""
    return f"{row['bound']} {row['target']:g}: " + ("met" if row["met"] else "**short of its target**")


def section(name, title, told):
    paragraphs = [part for part in textwrap.dedent(told["about"]).strip().split("\n\n") if not part.startswith("    ")]
    text = "\n\n".join(part.strip("\n") for part in paragraphs)
    parts = [f"## {title}\n", f"{text}\n", f"Measured {told['date']} at commit {told['commit']}.\n"]
    ratios = [row for row in told["rows"] if row["kind"] in ("ratio", "absent")]
    if ratios:
        parts.append(ratio_table(ratios))
    values = [row for row in told["rows"] if row["kind"] in ("value", "text")]
    if values:
        parts.append(value_table(values))
    return "\n".join(parts)


def ratio_table(rows):
    lines = ["| work | against | Caudal | the other | | ratio | | target |", "|---|---|--:|--:|---|--:|---|---|"]
    for row in rows:
        if row["kind"] == "absent":
            reason = " ".join(row["reason"].split())[-200:].replace("|", "/")
            lines.append(f"| {row['what']} | {row['against']} | | | | | not measured | {reason} |")
            continue
        ratio = f"{number(row['ratio'])} ({number(row['min'])} to {number(row['max'])})"
        lines.append(f"| {row['what']} | {row['against']} | {spread(row['ours'])} | {spread(row['theirs'])} | {row['unit']} | {ratio} | "
                     f"`{bar(row)}` | {asked(row)} |")
    notes = dict.fromkeys(row["note"] for row in rows if row.get("note"))
    return "\n".join(lines) + "\n" + "".join(f"\n{note}.\n" for note in notes)


def value_table(rows):
    lines = ["| what | found | target |", "|---|---|---|"]
    for row in rows:
        found = row["text"] if row["kind"] == "text" else f"{spread(row['ours'])} {row['unit']}"
        lines.append(f"| {row['what']} | {found} | {asked(row)} |")
    return "\n".join(lines) + "\n"
