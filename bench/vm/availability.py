#!/usr/bin/python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What clients notice of a leak: real servers under a constant load in the test bed's VM, guarded by one candidate at a time.

Each run: 40 s without a leak (the quiet load), then the same load with a leak, until the candidate (or the kernel) has acted 30 times or the
time is over. Each row is written at once; what has a row is not measured again, unless --again is given.

Build first: cmake --preset release && cmake --build --preset release
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests" / "testbed")]

from comparison import packages  # noqa: E402
from comparison.host import versions  # noqa: E402
from comparison.store import Store  # noqa: E402
from testbed import pools  # noqa: E402
from testbed.attackers import available_memory  # noqa: E402
from testbed.cli import restore  # noqa: E402
from testbed.guest import Guest  # noqa: E402
from testbed.pools import POOLS, Load, Pool  # noqa: E402
from testbed.stack import Service, Stack  # noqa: E402
from testbed.told import Governor, start_governor  # noqa: E402

MIB = 1 << 20
RESULTS = ROOT / "bench" / "results" / "availability.jsonl"
EVENTS = 30
QUIET_SECONDS = 40
#: A pool is limited to what it holds before the leak, and so much more.
ROOM = 192 * MIB
#: Percent of the hard limit: where all of them act first, and where earlyoom kills at last. The room above it is what the pool takes during
#: the end of a process, which lasts seconds under emulation.
TRIPWIRE, LAST = 75, 97

POLICY = """
version: 1
services:
  pool:
    match: {{ service: pool }}
    memory: {{ tripwire: {tripwire}% }}
    near_oom:
      when: {{ unreclaimable: {tripwire}% }}
      do: {do}
      brake: {{ docker_timeout: 20s, hold_timeout: 3s }}
{recycle}    restart: {{ backoff: {{ from: 1ms, to: 1ms }}, breaker: {{ restarts: 128, within: 1h }} }}
"""
#: The deadlines are as long as the emulation is slow.
RECYCLE = "      recycle: {{ signal: {signal}, grace: 60s, respawn: 60s }}\n"


@dataclass(frozen=True)
class Candidate:
    name: str
    #: For the docs: what was set, in a line.
    what: str
    unit: str | None = None
    #: Files that its unit is started with, made when the pool holds what it holds in quiet.
    files: Callable[[Guest, Service], dict[str, str]] = field(default=lambda _guest, _pool: {})
    annotations: Callable[[int], dict] = field(default=lambda _hard: {})
    do: str = ""
    #: Text in its journal for each time that it acted.
    acted: str = ""

    def policy(self, pool: Pool) -> str:
        recycle = RECYCLE.format(signal=pool.signal) if self.do == "recycle" else ""
        return POLICY.format(do=self.do, tripwire=TRIPWIRE, recycle=recycle)


def _earlyoom(guest: Guest, pool: Service) -> dict[str, str]:
    """As bench/comparison/candidates.py: a size is compared with a share of what user space can have."""
    info = {key: int(kib) for key, kib in re.findall(r"(\w+):\s+(\d+) kB", guest.read("/proc/meminfo") or "")}
    scale = info["MemTotal"] / (info["MemAvailable"] + info["AnonPages"])
    hard, held = int(pool.read("memory.max") or 0), pool.counters("memory.stat")["anon"]
    left = [available_memory(guest) - (hard * share // 100 - held) for share in (TRIPWIRE, LAST)]
    thresholds = ",".join(str(int(size * scale) >> 10) for size in left)
    names = "gunicorn|python3|celery|php-fpm8.4|node|MainThread"
    return {"/etc/default/earlyoom": f"EARLYOOM_ARGS=\"-r 3600 -M {thresholds} -s 100,100 --prefer ^({names})$\"\n"}


def _pressure(hard: int) -> dict:
    prefix = "org.systemd.property."
    return {f"{prefix}MemoryHigh": f"uint64 {hard * TRIPWIRE // 100}", f"{prefix}ManagedOOMMemoryPressure": "'kill'",
            f"{prefix}ManagedOOMMemoryPressureLimit": f"uint32 {(1 << 32) * 5 // 100}"}


CANDIDATES = [
    Candidate("docker", "mem_limit and memswap_limit, restart: unless-stopped, nothing else"),
    Candidate("earlyoom", f"-M: the MemAvailable at which the pool is at {TRIPWIRE} % (SIGKILL: {LAST} %), -s 100, --prefer the pool's processes",
              "earlyoom.service", _earlyoom, acted="sending SIG"),
    Candidate("systemd-oomd", f"the scope: ManagedOOMMemoryPressure=kill at 5 % for 1 s, and memory.high at {TRIPWIRE} % to make pressure",
              "systemd-oomd.service", lambda _guest, _pool: {
                  "/etc/systemd/oomd.conf.d/50-bench.conf": "[OOM]\nDefaultMemoryPressureDurationSec=1s\n"},
              _pressure, acted="Killed /"),
    Candidate("graceful_restart", f"the governor, do: graceful_restart at {TRIPWIRE} %", do="graceful_restart"),
    Candidate("recycle", f"the governor, do: recycle at {TRIPWIRE} %", do="recycle"),
]


class Run:
    """One pool, guarded by one candidate."""

    def __init__(self, guest: Guest, pool: Pool, candidate: Candidate, number: int, options: argparse.Namespace):
        self.guest, self.pool, self.candidate, self.options = guest, pool, candidate, options
        self.stack = Stack(guest, f"avail-{number}")
        self.governor: Governor | None = None

    def measure(self) -> dict:
        try:
            if self.candidate.do:
                self.governor = start_governor(self.stack, self.candidate.policy(self.pool))
            hard = self._size()
            service = self._pool(hard)
            quiet = self._quiet()
            self._start_daemon(service)
            return self._leak(service) | {"quiet": quiet, "hard_mib": hard // MIB}
        finally:
            if self.candidate.unit:
                self.guest.run(["systemctl", "stop", self.candidate.unit], timeout=120, check=False)
            self.stack.down()

    def _size(self) -> int:
        """The hard limit: what the pool holds when it serves without a leak, and ROOM."""
        service = pools.add(self.stack, self.pool, limit="2g", work=self.options.work)
        self.stack.up()
        load = pools.served(self.stack, self.pool, name="size", path="/", interval=self.options.interval)
        load.wait_answers(40)
        held = service.counters("memory.stat")["anon"]
        load.stop()
        self.stack.compose("rm", "-s", "-f", pools.NAME)
        return (held + ROOM) // MIB * MIB

    def _pool(self, hard: int) -> Service:
        annotations = self.candidate.annotations(hard)
        service = pools.add(self.stack, self.pool, limit=str(hard), leak_mib=self.options.mib, work=self.options.work,
                            **({"annotations": annotations} if annotations else {}))
        before = len(self.governor.events(pools.NAME, "armed")) if self.governor else 0
        self.stack.up()
        if self.governor:
            self.governor.wait("armed", pools.NAME, count=before + 1)
        return service

    def _quiet(self) -> dict:
        load = pools.served(self.stack, self.pool, name="quiet", path="/", interval=self.options.interval)
        time.sleep(QUIET_SECONDS)
        return load.stop()

    def _start_daemon(self, service: Service) -> None:
        unit = self.candidate.unit
        if not unit:
            return
        for path, text in self.candidate.files(self.guest, service).items():
            self.guest.ssh.write(path, text)
        self.guest.run(f"systemctl daemon-reload; systemctl restart {unit} && sleep 3 && systemctl is-active --quiet {unit}", timeout=120)

    def _leak(self, service: Service) -> dict:
        identity, kills = service.inspect(), self.guest.oom_kills()
        since = self.guest.run(["date", "+%s"]).out.strip()
        ends = len(service.events("die"))
        load = Load(self.stack, self.pool, "leak", interval=self.options.interval)
        begin = time.monotonic()
        while (seconds := time.monotonic() - begin) < self.options.seconds:
            time.sleep(3)
            acts = self._acts(since, self.guest.oom_kills() - kills)
            if acts >= self.options.events:
                break
        load.wait_answers()
        counts = load.stop()
        after = service.inspect()
        row = {"seconds": round(seconds), "leak": counts, "oom_kills": self.guest.oom_kills() - kills, "acts": acts,
               "container_ends": len(service.events("die")) - ends,
               "same_container_run": identity["State"]["StartedAt"] == after["State"]["StartedAt"]}
        if self.governor:
            types = [event.type for event in self.governor.events(pools.NAME)]
            row["governor_events"] = {kind: types.count(kind) for kind in sorted(set(types))}
        return row

    def _acts(self, since: str, oom_kills: int) -> int:
        """How often the leak was acted upon, by the guard or, without one, by the kernel."""
        if self.governor:
            return len(self.governor.events(pools.NAME, "restart_finished", "recycled"))
        if self.candidate.acted:
            words = f"journalctl -u {self.candidate.unit} --since @{since} -o cat --no-pager | grep -c {self.candidate.acted!r}"
            return int(self.guest.run(words, check=False).out or 0) + oom_kills
        return oom_kills


def measure(options: argparse.Namespace) -> None:
    store = Store(options.out)
    todo = [(pool, candidate) for pool in options.pools for candidate in CANDIDATES
            if candidate.name in options.candidates and (options.again or not store.has(f"{pool}/{candidate.name}"))]
    if not todo:
        return
    machine = restore(f"pytest-{os.getpid()}", die_with_parent=True)
    try:
        guest = Guest(machine)
        guest.prepare()
        known = versions(guest) | (packages.install(guest) if any(candidate.unit for _, candidate in todo) else {})
        for number, (name, candidate) in enumerate(todo, start=1):
            print(time.strftime("%H:%M:%S"), name, candidate.name, "...", flush=True)
            row = Run(guest, POOLS[name], candidate, number, options).measure()
            store.add(f"{name}/{candidate.name}", pool=name, candidate=candidate.name, what=candidate.what, versions=known,
                      interval=options.interval, leak_mib=options.mib, work=options.work, **row)
            print(time.strftime("%H:%M:%S"), name, candidate.name, row, flush=True)
    finally:
        machine.discard()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [candidate.name for candidate in CANDIDATES]
    parser.add_argument("--pools", nargs="+", choices=list(POOLS), default=["gunicorn-gthread", "node", "php-fpm", "celery"])
    parser.add_argument("--candidates", nargs="+", choices=names, default=names)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--seconds", type=int, default=1500, help="at most, of each run with a leak")
    parser.add_argument("--interval", type=float, default=0.5, help="seconds between two requests of each of the four clients")
    parser.add_argument("--mib", type=float, default=1.5, help="what each request keeps")
    parser.add_argument("--work", type=float, default=0.2, help="seconds that each request waits, as for a database")
    parser.add_argument("--again", action="store_true", help="measure also what there is a row for")
    parser.add_argument("--out", type=Path, default=RESULTS)
    measure(parser.parse_args())
    return 0


if __name__ == "__main__":
    sys.exit(main())
