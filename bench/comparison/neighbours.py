# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Neighbours: what a PostgreSQL beside a leaking coach still does, as a ratio to the quiet stretch just before."""

from __future__ import annotations

import time
from collections.abc import Iterator

from testbed.databases import Databases
from testbed.guest import EVENTS
from testbed.stack import Stack
from testbed.wait import Late, until
from testbed.workers import leaker

from .candidates import HARD, TRIPWIRE, Candidate
from .host import Host
from .store import Store

#: Until the coach has ended once, or stands at its tripwire.
BITE = 120
#: What pgbench asks for, of what the quiet machine can do: without a pause between two questions it would measure the CPU that the coach
#: leaves, which no guard gives back.
LOAD = 0.5


def run(host: Host, store: Store, candidates: list[Candidate], seconds: int, repeats: int, again: bool = False) -> Iterator[str]:
    missing = [(repeat, c) for repeat in range(1, repeats + 1) for c in candidates if again or not store.has(f"{c.key}/{repeat}")]
    if not missing:
        return
    host.swap(False)
    stack = Stack(host.guest, "neighbours")
    databases = Databases(stack, restart="unless-stopped").start()
    # The first stretch after a start is slower than any other: the emulator has translated nothing yet.
    databases.warm().pgbench(seconds)
    rate = LOAD * databases.pgbench(seconds).tps
    for repeat, candidate in missing:
        row = _pair(host, databases, candidate, seconds, repeat, rate)
        store.add(f"{candidate.key}/{repeat}", candidate=candidate.name, setting=candidate.setting, repeat=repeat, seconds=seconds,
                  versions=host.versions, **row)
        yield f"{candidate.key:22} tps {row['tps_ratio']:.2f} p99 {row['p99_ratio']:.2f} the coach ended {row['ends']} times"
    stack.down()


def _pair(host: Host, databases: Databases, candidate: Candidate, seconds: int, seed: int, rate: float) -> dict:
    guest = host.guest
    candidate.start(guest)
    coach_stack = Stack(guest, "leak")
    more: dict = {"annotations": candidate.annotations} if candidate.annotations else {}
    coach = coach_stack.worker("coach-leak", leaker("c", rate=0, start_after=5), limit=f"{HARD >> 20}m", restart="unless-stopped",
                               stop_grace_period="60s", **more)
    try:
        quiet = databases.pgbench(seconds, seed, rate)
        guest.run(f": > {EVENTS}")
        coach_stack.up()
        # Of this coach alone: the recorder may come to know of earlier ones late, and they have the same name.
        made = coach.inspect()["Id"]
        ended = lambda: [event for event in coach.events("die") if event.container == made]  # noqa: E731
        high = candidate.annotations.get("org.systemd.property.MemoryHigh", "")
        at = (int(high.split()[1]) if high else TRIPWIRE) * 97 // 100
        try:
            until(lambda: ended() or int(coach.read("memory.current") or 0) >= at, "the coach's first end", BITE, pause=1)
        except Late:
            pass  # told by its ends: none
        began = time.monotonic()
        leaking = databases.pgbench(seconds, seed, rate)
        took = time.monotonic() - began
        ends = len(ended())
    finally:
        coach_stack.down()
        candidate.stop(guest)
    return {"tps_ratio": round(leaking.tps / quiet.tps, 4), "p99_ratio": round(leaking.p99 / quiet.p99, 4),
            "quiet_tps": round(quiet.tps, 2), "asked_tps": round(rate, 2),
            "tps": round(leaking.tps, 2), "quiet_p99_ms": round(quiet.p99, 1), "p99_ms": round(leaking.p99, 1), "ends": ends,
            "took_s": round(took, 1)}
