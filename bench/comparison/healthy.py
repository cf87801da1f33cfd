# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""False actions: workers that are hungry and healthy, to which nothing should be done."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from testbed.guest import APPS, EVENTS
from testbed.stack import Service, Stack
from testbed.workers import Leaker, cache_churn, leaker

from .candidates import HARD, MIB, Candidate
from .host import WITNESS, Host
from .store import Store


def _sawtooth(high: int, rate: float) -> Leaker:
    return Leaker(["python3", f"{APPS}/sawtooth.py", "--low", str(HARD * 30 // 100 // MIB), "--high", str(high // MIB),
                   "--rate", str(rate)])


#: By name, how each behaves; bursts stop a few MiB below the tripwire of 90 %.
WORKLOADS = {
    "page cache": cache_churn(files=4, size=160),
    "steady heap at 85 %": leaker("c", rate=100, start_after=0, stop_at=HARD * 85 // 100 // MIB),
    "saw-teeth to 75 %": _sawtooth(HARD * 75 // 100, 60),
    "bursts to 88 %": _sawtooth(HARD * 88 // 100, 0),
}
#: What the witness sees that nobody should have done. `high` and `max` are the kernel's own, and page cache reaches them by right.
ACTIONS = ("frozen", "exited", "oom_kill")


def run(host: Host, store: Store, candidates: list[Candidate], seconds: int, repeats: int, again: bool = False) -> Iterator[str]:
    host.swap(False)
    for repeat in range(1, repeats + 1):
        for candidate in candidates:
            missing = [name for name in WORKLOADS if again or not store.has(_key(candidate, name, repeat))]
            # A guard of the host that is told one coach's size can only be asked about one coach.
            width = 1 if candidate.side_by_side == 1 else len(WORKLOADS)
            for start in range(0, len(missing), width):
                for name, row in _watch(host, candidate, missing[start:start + width], seconds):
                    store.add(_key(candidate, name, repeat), candidate=candidate.name, setting=candidate.setting, workload=name,
                              repeat=repeat, seconds=seconds, versions=host.versions, **row)
                    yield f"{candidate.key:22} {name:22} {row['actions'] or 'left alone'} stalled {row['stalled_ms']} ms"


def _key(candidate: Candidate, workload: str, repeat: int) -> str:
    return f"{candidate.key}/{workload}/{repeat}"


def _watch(host: Host, candidate: Candidate, names: list[str], seconds: int) -> Iterator[tuple[str, dict]]:
    guest = host.guest
    guest.run(f": > {EVENTS}; dmesg -C")
    candidate.start(guest)
    stack = Stack(guest, "healthy")
    more: dict = {"annotations": candidate.annotations} if candidate.annotations else {}
    try:
        workers = {name: stack.worker(f"coach-{re.sub('[^a-z0-9]+', '-', name)}", WORKLOADS[name], limit=f"{HARD >> 20}m", **more)
                   for name in names}
        stack.up()
        for worker in workers.values():
            guest.run(f"setsid {WITNESS} {worker.cgroup} {worker.pid} > {worker.out}/witness 2>&1 < /dev/null &", check=False)
        time.sleep(seconds)
        log = candidate.log(guest).splitlines()[-6:]
        for name, worker in workers.items():
            row = _seen(worker)
            yield name, row | ({"log": log} if row["actions"] else {})
    finally:
        stack.down()
        candidate.stop(guest)


def _seen(worker: Service) -> dict:
    # First: what ends between the two looks is in what the witness saw.
    running = worker.running
    witness = [line.split()[1] for line in (worker.guest.read(f"{worker.out}/witness") or "").splitlines()]
    if "watching" not in witness:
        raise RuntimeError(f"nobody watched {worker.name}: that nothing was seen says nothing")
    signals = (worker.guest.read(f"{worker.out}/signals") or "").split()
    seen = [what for what in witness if what in ACTIONS] + signals + (["SIGTERM"] if worker.saved_files() else [])
    if not running and not seen:
        raise RuntimeError(f"{worker.name} is gone and nobody saw why: that nothing was seen says nothing")
    stalled = re.search(r"some .*total=(\d+)", worker.read("memory.pressure") or "") if running else None
    # That it was hungry: how near it came to its limit.
    peak = int(worker.read("memory.peak") or 0) if running else None
    return {"actions": seen, "stalled_ms": int(stalled.group(1)) // 1000 if stalled else None, "peak": peak}
