#!/usr/bin/python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Draws the coach's memory over time from what deploy/demo has recorded: picture.py [RECORD] > docs/img/demo.svg"""

from __future__ import annotations

import json
import sys
from pathlib import Path

MIB = 1 << 20
WIDTH, HEIGHT = 960, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 64, 48
RECORD = Path(__file__).resolve().parent.parent.parent / "build/demo/run.jsonl"
STYLE = """
  text { font: 13px sans-serif; fill: #333 } .small { font-size: 11px; fill: #666 } .title { font-size: 16px; font-weight: bold; fill: #111 }
  .axis { stroke: #999; stroke-width: 1 } .grid { stroke: #e6e6e6; stroke-width: 1 }
  .hard { stroke: #c0392b; stroke-width: 1.5 } .trip { stroke: #d68910; stroke-width: 1.5; stroke-dasharray: 6 4 }
  .memory { fill: #2e86c1; fill-opacity: .22; stroke: #2e86c1; stroke-width: 2; stroke-linejoin: round }
  .frozen { fill: #16a0a0; fill-opacity: .35 } .drain { fill: #f4d03f; fill-opacity: .35 } .away { fill: #bbb; fill-opacity: .25 }
"""


class Plot:
    def __init__(self, rows: list[dict]):
        self.samples = [row for row in rows if row["kind"] == "sample"]
        self.events = [row for row in rows if row["kind"] == "event"]
        if not any("current" in sample for sample in self.samples):
            raise SystemExit("there is no memory in this record")
        # From when the coach runs.
        self.zero = next(sample["t"] for sample in self.samples if "current" in sample)
        self.end = max(self.samples[-1]["t"], *(event["monotonic_ns"] for event in self.events)) if self.events else self.samples[-1]["t"]
        memory = self.events[0].get("memory", {}) if self.events else {}
        self.hard = memory.get("hard", 256 * MIB)
        self.tripwire = memory.get("tripwire", 0.9 * self.hard)
        self.top = self.hard * 1.06

    def x(self, nanoseconds: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (nanoseconds - self.zero) / (self.end - self.zero)

    def y(self, count: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * count / self.top

    # -- parts -----------------------------------------------------------------------------------
    def axes(self) -> list[str]:
        out = []
        for mebi in range(0, int(self.hard / MIB) + 1, 64):
            y = self.y(mebi * MIB)
            out.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            out.append(f'<text class="small" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{mebi} MiB</text>')
        length = (self.end - self.zero) / 1e9
        step = next(step for step in (5, 10, 20, 30, 60, 120, 300, 600, 3600) if length / step <= 12)
        for second in range(0, int(length) + 1, step):
            x = self.x(self.zero + second * 1e9)
            out.append(f'<text class="small" x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{second} s</text>')
        out.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{HEIGHT - BOTTOM}" y2="{HEIGHT - BOTTOM}"/>')
        return out

    def limits(self) -> list[str]:
        out = []
        for name, value, css, shift in (("hard limit", self.hard, "hard", -5), ("tripwire", self.tripwire, "trip", 14)):
            y = self.y(value)
            out.append(f'<line class="{css}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
            out.append(f'<text class="small" x="{LEFT + 6}" y="{y + shift:.1f}">{name} {value / MIB:.0f} MiB</text>')
        return out

    def memory(self) -> list[str]:
        """One area for each life of the container."""
        lives: list[list[dict]] = [[]]
        for sample in self.samples:
            if "current" in sample:
                lives[-1].append(sample)
            elif lives[-1]:
                lives.append([])
        out = []
        for life in (life for life in lives if len(life) > 1):
            points = [f"{self.x(s['t']):.1f},{self.y(s['unreclaimable']):.1f}" for s in life]
            base = self.y(0)
            out.append(f'<path class="memory" d="M{self.x(life[0]["t"]):.1f},{base:.1f} L{" L".join(points)} '
                       f'L{self.x(life[-1]["t"]):.1f},{base:.1f} Z"/>')
        return out

    def phases(self) -> list[str]:
        """Between the events of one restart: frozen, draining, away."""
        out, frozen, signalled = [], 0, 0
        for event in self.events:
            at = event["monotonic_ns"]
            if event["type"] == "brake":
                frozen = at
            elif event["type"] == "signalled":
                signalled = at
                out.append(self.band("frozen", frozen or at, at))
            elif event["type"] == "restart_finished" and signalled:
                gone = signalled + event.get("drain_ms", 0) * 1e6
                out += [self.band("drain", signalled, gone), self.band("away", gone, at)]
                middle = self.x(signalled) + 2
                out.append(f'<text class="small" x="{middle:.1f}" y="{TOP - 8}">{event.get("outcome", "?").replace("_", " ")}, '
                           f'exit {event.get("exit_code", "?")}</text>')
        return out

    def band(self, css: str, start: float, end: float) -> str:
        left, right = self.x(start), self.x(end)
        return (f'<rect class="{css}" x="{left:.1f}" width="{max(1.5, right - left):.1f}" y="{TOP}" '
                f'height="{HEIGHT - TOP - BOTTOM}"/>')

    def legend(self) -> list[str]:
        out, x = [], LEFT
        for css, text, width in (("memory", "memory that cannot be reclaimed", 220), ("frozen", "frozen", 70),
                                 ("drain", "drain: saves its work, until Docker tells of its end", 320), ("away", "started again by Docker", 160)):
            out.append(f'<rect class="{css}" x="{x}" y="{HEIGHT - 18}" width="12" height="10"/>')
            out.append(f'<text class="small" x="{x + 18}" y="{HEIGHT - 9}">{text}</text>')
            x += width + 18
        return out

    def svg(self) -> str:
        count = sum(1 for event in self.events if event["type"] == "restart_finished")
        oom = (self.samples[-1].get("oom_kill") or 0) - (self.samples[0].get("oom_kill") or 0)
        title = f"A leaking container, restarted {count} times by the governor: {oom} OOM kills"
        parts = [*self.axes(), *self.phases(), *self.memory(), *self.limits(), *self.legend()]
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">\n'
                f"<style>{STYLE}</style>\n" f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
                f'<text class="title" x="{LEFT}" y="26">{title}</text>\n' + "\n".join(parts) + "\n</svg>\n")


def main() -> None:
    record = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORD
    print(Plot([json.loads(line) for line in record.read_text().splitlines()]).svg(), end="")


if __name__ == "__main__":
    main()
