# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The live timeline: the coach's memory as a bar, and what the governor does about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TextIO

from project import COACH, Save
from ui import MIB, Screen, mib, seconds

LINE_SECONDS = 2.0     # a bar this often when there is no terminal to update it in
NOT_IN_PLACE = 6.0     # ... and this often a lasting one in a terminal
COLOURS = {"oom_near": "yellow", "brake": "cyan", "signalled": "cyan", "restart_finished": "green", "armed": "dim",
           "warned": "dim", "exited": "dim"}
NAMES = {"oom_near": "near OOM", "brake": "frozen", "signalled": "signalled", "restart_finished": "restarted",
         "oom_killed": "OOM KILLED", "killed": "killed", "action_failed": "note"}


def describe(event: dict) -> str:
    """One event of the governor's in a few words."""
    kind, memory, reason = event["type"], event.get("memory", {}), event.get("reason", {})
    if kind == "armed":
        return f"limits are on: tripwire {mib(memory.get('tripwire'))}, hard limit {mib(memory.get('hard'))}"
    if kind == "warned":
        return f"{mib(memory.get('unreclaimable'))}: the coach was asked to use less memory"
    if kind == "oom_near":
        limit = reason.get("threshold", {}).get("text", "?")
        eta = f", OOM in {seconds(memory['eta_ms'])}" if "eta_ms" in memory else ""
        return f"{mib(memory.get('unreclaimable'))} unreclaimable, limit {limit}{eta}"
    if kind == "brake":
        return "every task of the container stands still; Docker is asked to restart it"
    if kind == "signalled":
        by = {"docker": "by Docker", "direct": "by the governor itself"}.get(event.get("via", ""), "")
        return f"SIGTERM is pending ({by}) after {seconds(event.get('brake_ms'))}: tripwire released, thawed, it saves its work"
    if kind == "restart_finished":
        return (f"{event.get('outcome', '?').replace('_', ' ')}, exit code {event.get('exit_code', '?')}, "
                f"drained {seconds(event.get('drain_ms', 0))}, back after {seconds(event.get('total_ms', 0))}")
    if reason.get("rule") == "not_back":
        return "Docker takes its time to start the container again: asked once more"
    return " ".join(part for part in (reason.get("rule", "").replace("_", " "), event.get("detail", "")) if part)


class Timeline:
    def __init__(self, screen: Screen, record: TextIO | None):
        self.screen = screen
        self._record = record
        self._zero: int | None = None
        self._printed = -1e9
        self._before: tuple[float, float] | None = None
        self._ran = False
        self.growth = 0.0
        self.tripwire = 0.0
        self.clock = 0.0  # seconds on the host's clock since the first sample

    def elapsed(self, nanoseconds: int) -> float:
        if self._zero is None:
            self._zero = nanoseconds
        return (nanoseconds - self._zero) / 1e9

    def keep(self, kind: str, data: dict) -> None:
        if self._record:
            print(json.dumps({"kind": kind, **data}), file=self._record, flush=True)

    # -- memory ----------------------------------------------------------------------------------
    def sample(self, data: dict) -> None:
        self.keep("sample", data)
        self.clock = self.elapsed(data["t"])
        text = self._bar(data)
        every = NOT_IN_PLACE if self.screen.tty else LINE_SECONDS
        if self.clock - self._printed >= every:
            self._printed = self.clock
            self.screen.line(text)
        self.screen.status(text)

    def _bar(self, data: dict) -> str:
        if "current" not in data:
            self._before = None
            text = "the coach is being started again" if self._ran else "the coach is being started"
            return f"{self.clock:7.1f} s  " + self.screen.paint("dim", text)
        self._ran = True
        used, hard = data["unreclaimable"], data["hard"] or 256 * MIB
        self._grow(used)
        bar = self.screen.bar(used, data["current"] - used, self.tripwire or hard * 0.9, hard, bool(data["frozen"]),
                              max(10, min(40, self.screen.width - 50)))
        tail = "frozen" if data["frozen"] else f"{self.growth / MIB:+.0f} MiB/s" if abs(self.growth) >= MIB else ""
        return f"{self.clock:7.1f} s  {bar} {mib(used):>7} of {mib(hard)}  {tail}".rstrip()

    def _grow(self, used: float) -> None:
        """Over about a second: one look after the other jumps."""
        if self._before is None or used < self._before[1]:
            self._before, self.growth = (self.clock, used), 0.0
        elif self.clock - self._before[0] >= 1:
            self.growth = (used - self._before[1]) / (self.clock - self._before[0])
            self._before = (self.clock, used)

    # -- events ----------------------------------------------------------------------------------
    def event(self, data: dict) -> None:
        if data.get("service") != COACH:
            return
        self.keep("event", data)
        at = self.elapsed(data["monotonic_ns"]) if "monotonic_ns" in data else self.clock
        kind = data["type"]
        if kind == "armed":  # while the coach drains it is lifted, so the kernel's file does not tell
            self.tripwire = data.get("memory", {}).get("tripwire") or self.tripwire
        good = kind != "restart_finished" or data.get("outcome") == "graceful"
        self.say(at, NAMES.get(kind, kind.replace("_", " ")), describe(data), COLOURS.get(kind, "red") if good else "red")

    def save(self, save: Save) -> None:
        if save.good:
            self.say(self.clock, "work saved", f"profiles {save.first} to {save.last} in {save.name}: checksum good, none missing", "green")
        else:
            self.say(self.clock, "work lost", f"{save.name}: {save.problem}", "red")

    def say(self, at: float, name: str, text: str, colour: str) -> None:
        arrow = self.screen.glyph("▶", ">")
        self.screen.line(f"{at:7.1f} s  {self.screen.paint(colour, f'{arrow} {name:<11}')} {text}")


def open_record(path: Path) -> TextIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("w")
