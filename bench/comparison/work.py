# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Work saved, and reaction: coaches that leak until something ends them, or nothing does for a minute."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from testbed.guest import EVENTS
from testbed.stack import Service, Stack
from testbed.workers import leaker

from .candidates import HARD, MIB, TRIPWIRE, Candidate
from .host import WITNESS, Host
from .store import Store

LIVELOCK = 60.0  # seconds
#: Until the tripwire; an emulated machine may be slow, a leak that never gets there is told as such.
CROSSING = 150.0
#: What a container may swap, beside its limit.
SWAP_ALLOWED = 128 * MIB
#: MiB held before the leak: a slow one starts nearer to the tripwire. It is its rate there that counts.
BASE = {10: 400, 50: 250, 200: 100, 0: 0}
#: The coach notes its memory after so much more of it.
NOTE = 256 << 10
#: Kept of a candidate's log with each run that it did not end well.
LOG_LINES = 6


@dataclass(frozen=True)
class Spec:
    language: str
    shape: str
    rate: int  # MiB/s, 0: as fast as it goes
    swap: bool
    repeat: int = 1

    @property
    def name(self) -> str:
        swap = "swap" if self.swap else "no-swap"
        return f"{self.language}-{self.shape}-{self.rate or 'unthrottled'}-{swap}-{self.repeat}"

    @property
    def traced(self) -> bool:
        return self.language == "c" and self.shape == "single"

    @property
    def files(self) -> int:
        return 4 if self.shape == "procs4" else 1


SHAPES = [("c", "single", 0), ("python", "single", 50), ("c", "procs4", 50), ("c", "single", 10), ("python", "single", 0),
          ("c", "single", 50), ("c", "procs4", 0), ("python", "single", 10), ("c", "single", 200), ("python", "procs4", 50)]
#: 20 runs, in groups that have the host's swap in common.
WORK = [[Spec(*shape, swap) for shape in SHAPES[start:start + 5]] for swap in (False, True) for start in (0, 5)]
QUICK = [[Spec(*shape, False) for shape in SHAPES[:2]]]
REACTION = [[Spec("c", "single", rate, False, repeat) for rate in (50, 200, 0)] for repeat in range(2, 7)]


def run(host: Host, store: Store, candidates: list[Candidate], groups: list[list[Spec]], again: bool = False) -> Iterator[str]:
    """Candidates take turns at each group. Yields a line for each run."""
    number = 0
    for group in groups:
        host.swap(group[0].swap)
        for candidate in candidates:
            missing = [spec for spec in group if again or not store.has(f"{candidate.key}/{spec.name}")]
            if not missing:
                continue
            candidate.start(host.guest)
            try:
                for start in range(0, len(missing), candidate.side_by_side):
                    number += 1
                    batch = Batch(host, candidate, missing[start:start + candidate.side_by_side], number)
                    for spec, row in batch.run():
                        store.add(f"{candidate.key}/{spec.name}", candidate=candidate.name, setting=candidate.setting,
                                  spec=asdict(spec), side_by_side=candidate.side_by_side, versions=host.versions, **row)
                        told = f"{row['outcome']:12} {row.get('reaction_ms', '')} {row['wrong_victims'] or ''}"
                        yield f"{candidate.key:22} {spec.name:36} {told}"
            finally:
                candidate.stop(host.guest)


class Batch:
    """Coaches that leak side by side, from their start to their end."""

    def __init__(self, host: Host, candidate: Candidate, specs: list[Spec], number: int):
        self.host, self.guest, self.candidate, self.specs = host, host.guest, candidate, specs
        self.stack = Stack(self.guest, f"work-{number}")
        self.coaches = {spec: self._coach(spec) for spec in specs}

    def _coach(self, spec: Spec) -> Service:
        work = leaker(spec.language, rate=spec.rate, shape=spec.shape, base=BASE[spec.rate], start_after=8, heartbeat=True,
                      trace=spec.traced)
        more: dict = {"memswap_limit": f"{(HARD + (SWAP_ALLOWED if spec.swap else 0)) >> 20}m", "stop_grace_period": "60s"}
        if self.candidate.annotations:
            more["annotations"] = self.candidate.annotations
        return self.stack.worker(f"coach-{spec.name}", work, limit=f"{HARD >> 20}m", restart="no", **more)

    def run(self) -> Iterator[tuple[Spec, dict]]:
        guest = self.guest
        guest.run(f": > {EVENTS}; dmesg -C")
        before = self.host.witnesses()
        self.stack.up()
        ids = {spec: coach.inspect() for spec, coach in self.coaches.items()}
        cgroups = {spec: guest.cgroup(found["Id"]) for spec, found in ids.items()}
        for spec, coach in self.coaches.items():
            pid = ids[spec]["State"]["Pid"]
            guest.run(f"setsid {WITNESS} {cgroups[spec]} {pid} > {coach.out}/witness 2>&1 < /dev/null &", check=False)
        ended = self._wait(cgroups)
        log = self.candidate.log(guest).splitlines()
        after = self.host.witnesses()
        wrong = [name for name in before if before[name] != after[name]]
        for spec, coach in self.coaches.items():
            row = {"outcome": self._outcome(spec, coach, ids[spec]["Id"], ended[spec]), "wrong_victims": wrong}
            if spec.traced:
                row |= reaction(coach)
            if row["outcome"] != "graceful":
                row["log"] = log[-LOG_LINES:]
            yield spec, row
        # A coach that is held at its memory.high takes minutes to die of a SIGKILL, too.
        guest.run("; ".join(f"echo max > {path}/memory.high" for path in cgroups.values()) + "; true", check=False)
        self.stack.down()

    def _wait(self, cgroups: dict[Spec, str]) -> dict[Spec, str]:
        """By spec: "died", "livelocked" (alive a minute after it came to the tripwire) or "never crossed"."""
        crossed: dict[Spec, float] = {}
        ended: dict[Spec, str] = {}
        began = time.monotonic()
        while len(ended) < len(self.specs):
            died = {event.service for event in self.stack.events() if event.action == "die"}
            shown = self.guest.run("; ".join(f"cat {path}/memory.current 2>/dev/null || echo 0" for path in cgroups.values())).out.split()
            now = time.monotonic()
            for (spec, _), current in zip(cgroups.items(), shown):
                # memory.high keeps it there, and a little below.
                if int(current) >= self._tripwire() * 97 // 100:
                    crossed.setdefault(spec, now)
                # Without its cgroup it is no livelock, whether or not Docker's event has come.
                if f"coach-{spec.name}" in died or current == "0":
                    ended.setdefault(spec, "died")
                elif spec in crossed and now - crossed[spec] > LIVELOCK:
                    ended.setdefault(spec, "livelocked")
                elif spec not in crossed and now - began > CROSSING:
                    ended.setdefault(spec, "never crossed")
            time.sleep(1)
        return ended

    def _tripwire(self) -> int:
        high = self.candidate.annotations.get("org.systemd.property.MemoryHigh", "")
        return int(high.split()[1]) if high else TRIPWIRE

    def _outcome(self, spec: Spec, coach: Service, container: str, ended: str) -> str:
        if ended != "died":
            return ended
        died = coach.wait_event("die", timeout=60)
        if self.guest.oom_reports(container):
            return "oom_killed"
        if died.attributes.get("exitCode") == "0" and len(coach.saved_files()) >= spec.files:
            return "graceful"
        return "killed"


def reaction(coach: Service) -> dict:
    """From the tripwire's byte to the first thing that was done to the container, milliseconds; `early` when it had not come there
    yet; nothing when nothing was done."""
    witness = [line.split() for line in (coach.guest.read(f"{coach.out}/witness") or "").splitlines()]
    if not any(what == "watching" for _, what in witness):
        return {"reaction_void": "the witness did not run"}
    effects = [(int(when), {"freeze": "freeze", "exited": "SIGKILL"}[what]) for when, what in witness if what in ("freeze", "exited")]
    effects += [(beat.signal_ns, "SIGTERM") for beat in coach.heartbeats() if beat.signal_ns]
    if any(what == "oom_kill" for _, what in witness):
        effects = [effect for effect in effects if effect[1] != "SIGKILL"]  # the kernel's
    if not effects:
        return {}
    when, effect = min(effects)
    crossed = crossing(_trace(coach), when)
    if crossed is None:
        return {"effect": effect, "early": True}
    frozen = [int(at) for at, what in witness if what == "frozen" and int(at) >= when]
    return {"reaction_ms": round((when - crossed) / 1e6, 3), "effect": effect,
            **({"frozen_ms": round((frozen[0] - crossed) / 1e6, 3)} if frozen else {})}


def crossing(trace: list[tuple[int, int]], effect: int) -> float | None:
    """When memory.current came to the tripwire's byte; None when it had not come there before the effect."""
    before = [note for note in trace if note[0] <= effect]
    over = next((n for n, (_, current) in enumerate(before) if current >= TRIPWIRE), None)
    if over is not None and over > 0:
        (start, low), (end, high) = before[over - 1], before[over]
        return start + (end - start) * (TRIPWIRE - low) / (high - low)
    # Stopped or killed on its way to the next note, which would have been over it: the longest that it can have been.
    if over is None and before and before[-1][1] >= TRIPWIRE - 2 * NOTE:
        return before[-1][0]
    return None


def _trace(coach: Service) -> list[tuple[int, int]]:
    """What the coach noted of itself in its first life, in the order of time: (CLOCK_MONOTONIC ns, memory.current). The governor has
    started it again by now."""
    text = coach.guest.run(f"cd {coach.out} && od -An -v -t x1 $(ls *.map | sort -n | head -n 1)", check=False).out
    pairs = [pair for pair in struct.iter_unpack("=QQ", bytes.fromhex(text)) if pair[0]]
    return sorted(pairs)
