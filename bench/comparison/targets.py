# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What the governor is meant to reach, against what was measured."""

from __future__ import annotations

import statistics

from . import cost_tables, tables
from .healthy import WORKLOADS
from .tables import NOT_RUN, table
from .work import REACTION, WORK

#: Of what takes minutes.
REPEATS = 3
OWN = ("governor/default", "governor/tuned")
#: The peers that look at cgroups, and the names of their units.
LOOK_AT_CGROUPS = ("systemd-oomd", "oomd")
#: Of them, those that look at each container's cgroup again and again. systemd-oomd looks at what is managed, here system.slice,
#: and at what is below it only when that is under pressure.
LOOK_AT_EACH = ("oomd",)


def _verdict(met: bool, measured: int = 1, wanted: int = 1) -> str:
    """A target is met when all runs that are wanted were made; it is missed as soon as one says so."""
    if not met:
        return "**missed**"
    return "met" if measured >= wanted else f"met so far: {measured} of {wanted} runs"


def _work() -> list[list[str]]:
    rows = [row for key in OWN for row in tables.rows_of("work")[key]]
    if not rows:
        return [["no OOM kill, 99 % graceful", NOT_RUN, ""]]
    graceful = sum(row["outcome"] == "graceful" for row in rows)
    kills = sum(row["outcome"] == "oom_killed" for row in rows)
    verdict = _verdict(not kills and graceful >= 0.99 * len(rows), len(rows), len(OWN) * sum(len(group) for group in WORK))
    return [["no OOM kill, 99 % graceful", f"{kills} OOM kills, {graceful} of {len(rows)} graceful", verdict]]


def _reaction() -> list[list[str]]:
    measured = tables.reactions()
    own = [value for key in OWN for value in measured.get(key, [])]
    peers = {key: statistics.median(values) for key, values in measured.items() if key.split("/")[0] in LOOK_AT_CGROUPS}
    if not own or not peers:
        return [["20 × faster than the best peer that acts on a container", NOT_RUN, ""]]
    best = min(peers, key=peers.__getitem__)
    factor = peers[best] / statistics.median(own)
    wanted = len(OWN) * sum(len(group) for group in REACTION)
    text = (f"{factor:.1f} × (median {statistics.median(own):,.0f} ms of {len(own)}; "
            f"{best}: {peers[best]:,.0f} ms of {len(measured[best])})")
    return [["20 × faster than the best peer that acts on a container", text, _verdict(factor >= 20, len(own), wanted)]]


def _neighbours() -> list[list[str]]:
    values = [row["tps_ratio"] for key in OWN for row in tables.rows_of("neighbours")[key]]
    text = f"{statistics.median(values):.2f}" if values else NOT_RUN
    verdict = _verdict(statistics.median(values) >= 0.9, len(values), len(OWN) * REPEATS) if values else ""
    return [["neighbours at 0.9 of quiet", text, verdict]]


def _healthy() -> list[list[str]]:
    rows = [row for key in OWN for row in tables.rows_of("healthy")[key]]
    touched = sum(bool(row["actions"]) for row in rows)
    verdict = _verdict(not touched, len(rows), len(OWN) * len(WORKLOADS) * REPEATS) if rows else ""
    return [["no false action", f"{touched} in {len(rows)} runs" if rows else NOT_RUN, verdict]]


def _cost() -> list[list[str]]:
    rows = {(row["unit"], row["cgroups"], row["window"]): row for row in cost_tables.rows()}
    out = []
    counts = [count for count in (1000, 100, 10) if (cost_tables.GOVERNOR, count, "quiet") in rows]
    for count in counts[:1]:
        own = rows[cost_tables.GOVERNOR, count, "quiet"]
        peers = {unit: rows[unit, count, "quiet"]["cpu_s"] for unit in LOOK_AT_EACH if (unit, count, "quiet") in rows}
        if peers:
            best = min(peers, key=peers.__getitem__)
            share = own["cpu_s"] / peers[best]
            where = "" if count == 1000 else f" (at {count}; 1,000 was not run)"
            out.append([f"a tenth of the CPU of the cheapest peer that looks at each cgroup, at 1,000{where}",
                        f"{share:.2f} × that of {best} ({own['cpu_s']:.1f} s to {peers[best]:.1f} s)", _verdict(share <= 0.1)])
    for count, limit in ((1000, 16), (10000, 64)):
        row = rows.get((cost_tables.GOVERNOR, count, "quiet"))
        text = f"{row['rss'] / 1024:.1f} MiB" if row else NOT_RUN
        out.append([f"at most {limit} MiB resident at {count:,} cgroups", text, _verdict(row["rss"] / 1024 <= limit) if row else ""])
    return out


def targets() -> str:
    return table(["target", "measured", ""], [*_work(), *_reaction(), *_neighbours(), *_healthy(), *_cost()])
