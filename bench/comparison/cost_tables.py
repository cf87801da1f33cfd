# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What the daemons cost, and what the hot functions cost, as Markdown tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

from .store import RESULTS
from .tables import NOT_RUN, table

COUNTS = [1, 10, 100, 1000]
MICRO = RESULTS.parent / "micro.json"
PRESSURE = RESULTS.parent / "micro_pressure.json"
INSTRUCTIONS = Path(__file__).resolve().parent.parent / "micro" / "instructions.json"
GOVERNOR = "cost-governor"


def rows() -> list[dict]:
    """The latest of each unit, number of cgroups and window."""
    path = RESULTS / "cost.jsonl"
    lines = map(json.loads, path.read_text().splitlines()) if path.exists() else []
    return list({(row["unit"], row["cgroups"], row["window"]): row for row in lines}.values())


def _cell(row: dict | None) -> str:
    return f"{row['cpu_s']:.2f} s, {row['rss'] / 1024:.1f} MiB" if row else NOT_RUN


def beside() -> str:
    """CPU seconds over a window and resident memory at its end, all daemons on the same cgroups at the same time."""
    known = {(row["unit"], row["cgroups"], row["window"]): row for row in rows()}
    units = sorted({unit for unit, _, _ in known}, key=lambda unit: (unit != GOVERNOR, unit))
    if not units:
        return NOT_RUN
    body = [[unit.removeprefix("cost-"), window, *[_cell(known.get((unit, count, window))) for count in COUNTS]]
            for unit in units for window in ("quiet", "busy")]
    seconds = {row["seconds"] for row in known.values() if row["cgroups"] in COUNTS}
    return (f"CPU time over {min(seconds):.0f} s (emulated) and resident memory at the end, all daemons at once on the same cgroups:\n\n"
            + table(["daemon", "", *[f"{count:,} cgroup{'s' if count > 1 else ''}" for count in COUNTS]], body))


def alone() -> str:
    """The governor over more and more cgroups: what one costs."""
    found = sorted((row for row in rows() if row["unit"] == GOVERNOR), key=lambda row: (row["cgroups"], row["window"] == "busy"))
    if not found:
        return NOT_RUN
    body = [[f"{row['cgroups']:,}", row["window"], f"{row['cpu_s']:.2f} of {row['seconds']:.0f}",
             f"{60e3 * row['cpu_s'] / row['cgroups'] / row['seconds']:.2f}",
             f"{row['wakes'] / row['seconds']:.1f}", f"{row['reads'] / row['cgroups'] / row['seconds'] * 5:.1f}",
             f"{row['rss'] / 1024:.1f}", f"{row['rss_anon'] / 1024:.1f}", f"{row['fds']:,}", str(row["oom_kills"])] for row in found]
    return table(["cgroups", "", "CPU, s", "CPU per minute and cgroup, ms", "wake-ups/s", "reads per 5 s and cgroup", "RSS, MiB",
                  "of it anonymous, MiB", "open files", "OOM kills"], body)


def micro() -> str:
    """Time, instructions and allocations of each hot function."""
    if not MICRO.exists():
        return NOT_RUN
    kept = json.loads(INSTRUCTIONS.read_text())["functions"] if INSTRUCTIONS.exists() else {}
    body = []
    for row in [row for path in (MICRO, PRESSURE) if path.exists() for row in json.loads(path.read_text())["benchmarks"]]:
        if row.get("aggregate_name") != "median":
            continue
        # What waits for the kernel is timed by itself: its CPU time would be that of the waiting.
        name, waits = re.subn(r"(/iterations:\d+)?/manual_time$", "", row["run_name"])
        time = f"{row['real_time']:,.0f} {row['time_unit']}, wall" if waits else f"{row['cpu_time']:,.0f} {row['time_unit']}"
        instructions = kept.get(name.split("/")[0], {}).get("instructions")
        body.append([f"`{name}`", time, f"{instructions:,}" if instructions else "",
                     f"{row['allocs']:.0f}" if "allocs" in row else ""])
    return table(["function", "time, median", "instructions", "allocations"], body)


def database() -> str:
    """bench/vm/database.py's table, as it wrote it."""
    path = RESULTS.parent / "database.txt"
    lines = [line.split() for line in path.read_text().splitlines() if line and not line.startswith("#")] if path.exists() else []
    if not lines:
        return NOT_RUN
    return table(["attack", "governor", "PostgreSQL tps, of quiet", "its p99", "Redis GET/s, of quiet", "its p99", "major faults",
                  "refaults", "OOM kills", "restarts", "PostgreSQL kept", "Redis kept"], [line[:12] for line in lines])
