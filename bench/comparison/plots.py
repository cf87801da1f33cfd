# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The raw results of bench/compare as SVG plots, each with its spread. Needs python3-matplotlib."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

from . import availability as available  # noqa: E402
from . import tables  # noqa: E402

#: The same picture for the same data: no date, no random ids.
plt.rcParams.update({"svg.hashsalt": "governor", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10,
                     "axes.spines.top": False, "axes.spines.right": False, "figure.facecolor": "white"})
COLOURS = {"graceful": "#2a7f4f", "oom_killed": "#b3261e", "killed": "#e0823d", "livelocked": "#7b5ea7", "never crossed": "#9e9e9e"}
SHOWN = {"graceful": "graceful, work saved", "oom_killed": "kernel OOM kill", "killed": "killed by the guard",
         "livelocked": "alive and stuck > 60 s", "never crossed": "never crossed"}
OWN, OTHERS = "#2a7f4f", "#5b6b7b"


def _save(figure: plt.Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def work(path: Path) -> bool:
    measured = {key: rows for key, rows in tables.rows_of("work").items() if rows}
    if not measured:
        return False
    figure, axes = plt.subplots(figsize=(8, 0.36 * len(measured) + 1.2))
    keys = list(reversed(measured))
    left = [0.0] * len(keys)
    for outcome in tables.OUTCOMES:
        shares = [100 * Counter(row["outcome"] for row in measured[key])[outcome] / len(measured[key]) for key in keys]
        axes.barh(keys, shares, left=left, color=COLOURS[outcome], label=SHOWN[outcome], height=0.7)
        left = [a + b for a, b in zip(left, shares)]
    for position, key in enumerate(keys):
        axes.text(101, position, f"n = {len(measured[key])}", va="center", fontsize=8, color="#555555")
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the runs")
    axes.legend(loc="lower center", bbox_to_anchor=(0.45, 1.0), ncol=3, frameon=False, fontsize=8)
    _save(figure, path)
    return True


def _dots(path: Path, values: dict[str, list[float]], label: str, log: bool, mark: float | None = None) -> bool:
    if not values:
        return False
    figure, axes = plt.subplots(figsize=(8, 0.36 * len(values) + 1.0))
    for position, key in enumerate(reversed(values)):
        colour = OWN if key.startswith("governor") else OTHERS
        points = sorted(values[key])
        axes.plot(points, [position] * len(points), "o", color=colour, alpha=0.5, markersize=5, markeredgewidth=0)
        axes.plot([points[len(points) // 2]], [position], "|", color=colour, markersize=16, markeredgewidth=2)
    axes.set_yticks(range(len(values)), list(reversed(values)))
    if log:
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0, right=1.05 * max(max(row) for row in values.values()))  # two in a hundred shall not look like much
    if mark is not None:
        axes.axvline(mark, color="#999999", linewidth=1, linestyle="--")
    axes.set_xlabel(label)
    axes.grid(axis="x", color="#e5e5e5")
    axes.set_axisbelow(True)
    _save(figure, path)
    return True


def reaction(path: Path) -> bool:
    label = "ms from the tripwire's byte to the first effect (each dot a run, bar: median; emulated time)"
    return _dots(path, tables.reactions(), label, log=True)


def neighbours(path: Path) -> bool:
    values = {key: [row["tps_ratio"] for row in rows] for key, rows in tables.rows_of("neighbours").items() if rows}
    label = "pgbench transactions/s beside a leaking coach, of the quiet stretch before (each dot a run)"
    return _dots(path, values, label, log=False, mark=1.0)


def availability(path: Path) -> bool:
    """Requests that clients lost, of a thousand, for each pool and guard."""
    found = available.rows()
    pools = [pool for pool in available.POOLS if any(key[0] == pool for key in found)]
    if not pools:
        return False
    figure, grid = plt.subplots(len(pools), 1, figsize=(8, 1.5 * len(pools) + 0.8), sharex=True, squeeze=False)
    for axes, pool in zip(grid[:, 0], pools):
        names = [name for name in reversed(available.CANDIDATES) if (pool, name) in found]
        for position, name in enumerate(names):
            row = found[pool, name]
            of_thousand = 1000 / max(1, available.asked(row))
            refused, broken = available.refused(row) * of_thousand, available.broken(row) * of_thousand
            axes.barh(position, refused, color=COLOURS["killed"], height=0.7)
            axes.barh(position, broken, left=refused, color=COLOURS["oom_killed"], height=0.7)
            kills = f", {row['oom_kills']} OOM kills" if row["oom_kills"] else ""
            axes.text(refused + broken, position, f" {refused + broken:.1f}   ({row['acts']} events{kills})", va="center", fontsize=8)
        axes.set_yticks(range(len(names)), names)
        axes.set_title(pool, loc="left", fontsize=10)
        axes.margins(x=0.35)
    grid[-1, 0].set_xlabel("of 1,000 requests (celery: tasks)")
    grid[0, 0].legend([plt.Rectangle((0, 0), 1, 1, color=COLOURS[key]) for key in ("killed", "oom_killed")],
                      ["refused", "broken in flight"], loc="lower right", bbox_to_anchor=(1.0, 1.0), ncol=2, frameon=False, fontsize=8)
    figure.tight_layout()
    _save(figure, path)
    return True
