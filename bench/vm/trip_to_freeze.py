#!/usr/bin/python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""How long from the tripwire to the freeze, on a real Docker host in the test bed's VM.

A C worker that leaks as fast as it can is restarted again and again. It traces its own memory.current with CLOCK_MONOTONIC after every
256 KiB; the governor's `oom_near` tells when it had decided, and its `brake` when the kernel had confirmed the freeze (or 100 ms
after, when a task naps in reclaim and so stands still without showing as frozen). Also counts how the restarts ended.

Build first: cmake --preset release && cmake --build --preset release
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "testbed"))

from testbed.cli import restore  # noqa: E402
from testbed.guest import Guest  # noqa: E402
from testbed.stack import Service, Stack  # noqa: E402
from testbed.told import Governor, Told, start_governor  # noqa: E402
from testbed.wait import Late, until  # noqa: E402
from testbed.workers import leaker  # noqa: E402

MIB = 1 << 20
SECONDS_PER_TRIP = 90
POLICY = """
version: 1
services:
  leak:
    match: {{ service: "leak-*" }}
    memory: {{ tripwire: {tripwire}% }}
    near_oom:
      when: {{ unreclaimable: {tripwire}% }}
      brake: {{ docker_timeout: 20s, hold_timeout: 3s }}
    restart: {{ backoff: {{ from: 1ms, to: 1ms }}, breaker: {{ restarts: 100, within: 1s }} }}
"""


@dataclass(frozen=True)
class Trip:
    """Milliseconds, and the most bytes beyond the tripwire that were seen before the freeze."""

    crossed_to_decided: float
    crossed_to_frozen: float
    decided_to_frozen: float
    beyond: int


def parse_traces(service: Service) -> list[list[tuple[int, int]]]:
    text = service.guest.run(f"cd {service.out} && for f in *.trace; do echo TRACE; cat $f; done", timeout=120).out
    traces = []
    for block in text.split("TRACE\n")[1:]:
        traces.append([(int(when), int(current)) for when, current in (line.split() for line in block.splitlines())])
    return traces


def crossing_ns(trace: list[tuple[int, int]], tripwire: int, decided_ns: int) -> float | None:
    """The moment, between two notes, at which memory.current came to the tripwire."""
    for (before, low), (after, high) in zip(trace, trace[1:]):
        if low < tripwire <= high:
            # Stopped on its way to the next note: the longest that it can have been.
            if after > decided_ns:
                return before
            return before + (after - before) * (tripwire - low) / (high - low)
    return None


def measure(near: Told, brake: Told, traces: list[list[tuple[int, int]]]) -> Trip | None:
    for trace in traces:
        if trace[0][0] <= near.monotonic_ns <= trace[-1][0]:
            tripwire = near.memory("tripwire") // 4096 * 4096
            crossed = crossing_ns(trace, tripwire, near.monotonic_ns)
            if crossed is None:
                return None
            seen = [current for when, current in trace if when <= brake.monotonic_ns]
            beyond = max(near.memory("current"), *seen) - tripwire
            return Trip((near.monotonic_ns - crossed) / 1e6, (brake.monotonic_ns - crossed) / 1e6,
                        brake.raw["brake_ms"], beyond)
    return None


def collect(governor: Governor, service: Service) -> list[Trip]:
    """One for each trip of which both the worker and the governor kept a record (the last ones may not have ended)."""
    traces, trips, near = parse_traces(service), [], None
    for event in governor.events(service.name, "oom_near", "brake"):
        if event.type == "oom_near":
            near = event
        elif near is not None:
            trip = measure(near, event, traces)
            trips += [trip] if trip else []
            near = None
    return trips


def run(guest: Guest, options: argparse.Namespace) -> tuple[list[Trip], Counter]:
    stack = Stack(guest, "bench")
    governor = start_governor(stack, POLICY.format(tripwire=options.tripwire))
    work = leaker(options.language, rate=options.rate, shape=options.shape, start_after=options.start_after,
                  trace=options.language == "c")
    services = [stack.worker(f"leak-{i}", work, limit=f"{options.limit}m", restart="unless-stopped", stop_grace_period="60s")
                for i in range(options.side_by_side)]
    stack.up()
    seen = 0
    while seen < options.trips:
        try:
            until(lambda: len(governor.events(None, "restart_finished")) > seen, "the next restart", SECONDS_PER_TRIP, pause=3)
        except Late as late:
            print(f"stopped early: {late}\n{governor.timeline()[-2000:]}", file=sys.stderr)
            break
        seen = len(governor.events(None, "restart_finished"))
        print(f"{time.strftime('%H:%M:%S')} {seen} of {options.trips} trips", flush=True)
    outcomes = Counter(event.raw.get("outcome", "?") for event in governor.events(None, "restart_finished"))
    outcomes["kernel OOM kills"] = sum(service.oom_kills() for service in services)
    trips = [trip for service in services for trip in collect(governor, service)]
    stack.down()
    return trips, outcomes


def line(name: str, values: list[float]) -> str:
    cut = statistics.quantiles(values, n=100, method="inclusive")
    return f"{name:34} {min(values):9.2f} {statistics.median(values):9.2f} {cut[89]:9.2f} {cut[98]:9.2f} {max(values):9.2f}"


def report(trips: list[Trip], outcomes: Counter, versions: str, options: argparse.Namespace) -> str:
    out = [f"# {len(trips)} trips measured; {options.language} {options.shape}, {options.rate or 'unthrottled'} MiB/s, hard limit "
           f"{options.limit} MiB, tripwire {options.tripwire}%, {options.side_by_side} side by side", f"# {versions}",
           "# restarts: " + ", ".join(f"{count} {name}" for name, count in outcomes.items())]
    if len(trips) > 1:
        out += [f"# {'':32} {'min':>9} {'median':>9} {'p90':>9} {'p99':>9} {'max':>9}",
                "# " + line("tripwire to decision, ms", [t.crossed_to_decided for t in trips]),
                "# " + line("decision to frozen (brake_ms), ms", [t.decided_to_frozen for t in trips]),
                "# " + line("tripwire to frozen, ms", [t.crossed_to_frozen for t in trips]),
                "# " + line("beyond the tripwire, MiB", [t.beyond / MIB for t in trips])]
    out.append("# raw: tripwire to decision ms, decision to frozen ms, tripwire to frozen ms, beyond the tripwire bytes")
    out += [f"{t.crossed_to_decided:.3f} {t.decided_to_frozen:.3f} {t.crossed_to_frozen:.3f} {t.beyond}" for t in trips]
    return "\n".join(out) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trips", type=int, default=50)
    parser.add_argument("--language", choices=["c", "python"], default="c", help="only C is timed; outcomes are counted for both")
    parser.add_argument("--shape", choices=["single", "procs4", "threads8"], default="single")
    parser.add_argument("--rate", type=float, default=0, help="MiB/s, 0 = as fast as it goes")
    parser.add_argument("--limit", type=int, default=64, help="hard limit, MiB")
    parser.add_argument("--tripwire", type=int, default=70, help="percent; what the handler needs (9 MiB) must fit above it")
    parser.add_argument("--side-by-side", type=int, default=3, help="containers at a time: most of a trip is waiting for Docker")
    parser.add_argument("--start-after", type=float, default=5, help="seconds of calm in each life: time to arm it")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "trip_to_freeze.txt")
    options = parser.parse_args()
    # Named as a test session's: the next one cleans up should this one be killed.
    machine = restore(f"pytest-{os.getpid()}", die_with_parent=True)
    try:
        guest = Guest(machine)
        guest.prepare()
        info = guest.api("/info")
        assert isinstance(info, dict)
        versions = (f"Docker {info['ServerVersion']}, kernel {info['KernelVersion']}, {info['NCPU']} emulated CPUs, "
                    f"host load {os.getloadavg()[0]:.1f}")
        trips, outcomes = run(guest, options)
    finally:
        machine.discard()
    text = report(trips, outcomes, versions, options)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text)
    print("\n".join(row for row in text.splitlines() if row.startswith("#")))
    print(f"raw values: {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
