# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The raw results of bench/compare as Markdown tables. Whatever was not run is shown as not run."""

from __future__ import annotations

import statistics
from collections import Counter
from pathlib import Path

from .candidates import CANDIDATES
from .healthy import WORKLOADS
from .store import RESULTS, Store
from .work import WORK

NOT_RUN = "not run"
OUTCOMES = ["graceful", "oom_killed", "killed", "livelocked", "never crossed"]
SUITES = ("work", "reaction", "neighbours", "healthy")
KEYS = [candidate.key for candidate in CANDIDATES]


def rows_of(suite: str, folder: Path = RESULTS) -> dict[str, list[dict]]:
    """By candidate and setting."""
    found: dict[str, list[dict]] = {key: [] for key in KEYS}
    for row in Store(folder / f"{suite}.jsonl").rows():
        found.setdefault(f"{row['candidate']}/{row['setting']}", []).append(row)
    return found


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def settings() -> str:
    return table(["candidate", "setting", "what was set"], [[c.name, c.setting, c.what] for c in CANDIDATES])


def work() -> str:
    wanted = sum(len(group) for group in WORK)
    rows = []
    for key, found in rows_of("work").items():
        if not found:
            rows.append([key, NOT_RUN, *[""] * (len(OUTCOMES) + 1)])
            continue
        count = Counter(row["outcome"] for row in found)
        wrong = sum(bool(row["wrong_victims"]) for row in found)
        swapping = sum(row["spec"]["swap"] for row in found)
        runs = str(len(found)) if len(found) == wanted else f"{len(found)} of {wanted}, {swapping} with swap"
        rows.append([key, runs, *[str(count[outcome]) for outcome in OUTCOMES], str(wrong)])
    head = ["candidate", "runs", "graceful", "kernel OOM kill", "killed by it", "livelocked > 60 s", "never crossed", "wrong victim"]
    return table(head, rows)


def reactions() -> dict[str, list[float]]:
    """Milliseconds, from the runs of both suites; only of candidates that did something."""
    found: dict[str, list[float]] = {}
    for suite in ("work", "reaction"):
        for key, rows in rows_of(suite).items():
            found.setdefault(key, []).extend(row["reaction_ms"] for row in rows if "reaction_ms" in row)
    return {key: values for key, values in found.items() if values}


def reaction() -> str:
    measured = reactions()
    own = statistics.median(measured["governor/tuned"]) if "governor/tuned" in measured else None
    rows = []
    for candidate in CANDIDATES:
        asked = [row for suite in ("work", "reaction") for row in rows_of(suite)[candidate.key] if row["spec"]["language"] == "c"
                 and row["spec"]["shape"] == "single" and "reaction_void" not in row]
        values = measured.get(candidate.key, [])
        early = sum(bool(row.get("early")) for row in asked)
        if not candidate.acts and not values:
            continue
        if not asked:
            rows.append([candidate.key, NOT_RUN, "", "", "", ""])
            continue
        if not values:
            rows.append([candidate.key, f"0 of {len(asked)}", "", "", "",
                         f"{early} times before the tripwire" if early else "it never acted"])
            continue
        effects = Counter(row["effect"] for row in asked if "effect" in row)
        middle = statistics.median(values)
        p99 = statistics.quantiles(values, n=100, method="inclusive")[98] if len(values) > 1 else values[0]
        rows.append([candidate.key, f"{len(values)} of {len(asked)}", f"{middle:,.0f}", f"{p99:,.0f}", f"{middle / own:.1f}" if own else "",
                     ", ".join(f"{name} {n}" for name, n in effects.most_common()) + (f" ({early} before the tripwire)" if early else "")])
    return table(["candidate", "acted before the kernel", "median, ms", "p99, ms", "× the governor's median", "with"], rows)


def neighbours() -> str:
    rows = []
    for key, found in rows_of("neighbours").items():
        if not found:
            rows.append([key, NOT_RUN, "", "", ""])
            continue
        tps, p99 = [row["tps_ratio"] for row in found], [row["p99_ratio"] for row in found]
        rows.append([key, str(len(found)), _spread(tps), _spread(p99), ", ".join(str(row.get("ends", "?")) for row in found)])
    return table(["candidate", "runs", "transactions/s, of quiet", "p99 latency, of quiet", "the coach's ends in each run"], rows)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def healthy() -> str:
    rows = []
    for key, found in rows_of("healthy").items():
        cells = []
        for workload in WORKLOADS:
            runs = [row for row in found if row["workload"] == workload]
            touched = [row for row in runs if row["actions"]]
            if not runs:
                cells.append(NOT_RUN)
            else:
                stalls = [row["stalled_ms"] for row in runs if row["stalled_ms"] is not None]
                # The kernel counts from the container's start to the look at it, which is more than the seconds in between.
                share = min(1.0, statistics.median(stalls) / 1000 / runs[0]["seconds"]) if stalls else 0
                stalled = f"; stalled {share:.0%}" if share > 0.01 else ""
                what = ", ".join(sorted({action for row in touched for action in row["actions"]}))
                cells.append((f"**{len(touched)} of {len(runs)}** ({what})" if touched else f"0 of {len(runs)}") + stalled)
        rows.append([key, *cells])
    return table(["candidate", *WORKLOADS], rows)


def versions() -> str:
    """All that the rows were measured with: what was measured on another day may have had another."""
    found: dict[str, list[str]] = {}
    for row in (row for suite in SUITES for rows in rows_of(suite).values() for row in rows):
        for name, value in row["versions"].items():
            if value not in found.setdefault(name, []):
                found[name].append(value)
    return ", ".join(f"{name} {' or '.join(values)}" for name, values in found.items()) or NOT_RUN


def loads() -> str:
    """The host's load average while it was measured: what the figures were disturbed by."""
    values = [row["host_load"] for suite in SUITES for rows in rows_of(suite).values() for row in rows]
    return f"{min(values):.0f} to {max(values):.0f}, median {statistics.median(values):.0f}" if values else NOT_RUN
