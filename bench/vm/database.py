#!/usr/bin/python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What an attack on the host's memory costs a real PostgreSQL and Redis, with and without the governor, in one run.

For each attack: a quiet stretch, one under the attack without the governor, a quiet one, one under the attack with it; the
same seed and the same duration for all, both databases warm at the start of each. Speed is told relative to the quiet stretch
just before: the emulated machine's own changes from minute to minute. Counts (refaults, OOM kills, bytes kept) are exact.

pgbench asks for a share of what the machine can do at most (--load), as a database's users do: a client without a pause between
two questions measures the CPU that an attacker leaves, and a reservation of memory reserves none.

Build first: cmake --preset release && cmake --build --preset release (not for --without-only)
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "testbed"))

from testbed.attackers import ATTACKS, small_host, under  # noqa: E402
from testbed.cli import restore  # noqa: E402
from testbed.databases import Databases, Footprint, Load  # noqa: E402
from testbed.guest import CGROUP, Guest  # noqa: E402
from testbed.stack import GOVERNOR, Service, Stack  # noqa: E402
from testbed.told import start_governor  # noqa: E402

MIB = 1 << 20
RESERVES = {"postgres": 288 * MIB, "redis": 96 * MIB}
POLICY = f"""
version: 1
host: {{ keep_free: 96MiB, pressure: {{ full: 20%, over: 2s }} }}
services:
  postgres:
    match: {{ service: postgres }}
    reserve: {{ min: {RESERVES['postgres']}, oom_score_adj: -900 }}
    never: [freeze, restart, kill]
  redis:
    match: {{ service: redis }}
    reserve: {{ min: {RESERVES['redis']}, oom_score_adj: -900 }}
    never: [freeze, restart, kill]
  coach:
    match: {{ service: coach }}
    memory: {{ hard: 256MiB, swap: 0, tripwire: 90% }}
    priority: 10
    near_oom: {{ brake: {{ docker_timeout: 20s, hold_timeout: 3s }} }}
    restart: {{ backoff: {{ from: 1ms, to: 1ms }}, breaker: {{ restarts: 100, within: 1s }} }}
"""


@dataclass(frozen=True)
class Stretch:
    """One measured while. The counts of both databases together, except `kept`."""

    postgres: Load
    redis: Load
    major_faults: int
    refaults: int
    oom_kills: int
    restarts: int
    kept: dict[str, float]  # by service: what it holds at the end, of min(reserve, what it held before)


@dataclass(frozen=True)
class Row:
    attack: str
    governed: bool
    quiet: Stretch
    attacked: Stretch


class Bench:
    def __init__(self, guest: Guest, options: argparse.Namespace):
        self.guest, self.options = guest, options
        self.stack = Stack(guest, "database")
        self.databases = Databases(self.stack, restart="unless-stopped")
        self.rate = 0.0

    # -- one stretch -----------------------------------------------------------------------------
    def measure(self, before: dict[Service, tuple[Footprint, int, int]]) -> Stretch:
        postgres = self.databases.pgbench(self.options.seconds, self.options.seed, self.rate)
        redis = self.databases.redis_benchmark(self.options.requests)
        after = self.state()
        pairs = [(before[s], after[s]) for s in self.databases.services]
        return Stretch(
            postgres, redis,
            sum(now[0].major_faults - then[0].major_faults for then, now in pairs),
            sum(now[0].refaults - then[0].refaults for then, now in pairs),
            sum(now[1] - then[1] for then, now in pairs), sum(now[2] - then[2] for then, now in pairs),
            {s.name: after[s][0].held / min(RESERVES[s.name], before[s][0].held) for s in self.databases.services})

    def state(self) -> dict[Service, tuple[Footprint, int, int]]:
        return {s: (Footprint.of(s), s.oom_kills(), s.restarts) for s in self.databases.services}

    def pair(self, attack: str, governed: bool) -> Row:
        """A quiet stretch and an attacked one. What the attack takes until it has bitten counts as the attack's."""
        self.databases.warm()
        quiet = self.measure(self.state())
        self.databases.warm()
        before = self.state()
        with under(ATTACKS[attack](self.stack)):
            attacked = self.measure(before)
        assert self.databases.answers(), f"the databases lost data under '{attack}'"
        return Row(attack, governed, quiet, attacked)

    # -- with and without ------------------------------------------------------------------------
    @contextmanager
    def governor(self) -> Iterator[None]:
        governor = start_governor(self.stack, POLICY)
        for service in self.databases.services:
            governor.wait("reserved", service.name)
        try:
            yield
        finally:
            (self.options.out.parent / "database.events.txt").write_text(governor.timeline() + "\n")
            self.stack.compose("rm", "-s", "-f", GOVERNOR)
            self.forget()

    def forget(self) -> None:
        """Nothing of the governor's work is left: new scopes, and the slice as it was."""
        self.stack.compose("up", "-d", "--force-recreate", *RESERVES)
        self.guest.run(["systemctl", "set-property", "--runtime", "system.slice", "MemoryMin=0", "MemoryLow=0"])
        cgroups = [f"{CGROUP}/system.slice", *(service.cgroup for service in self.databases.services)]
        left = [(self.guest.read(f"{cgroup}/memory.min") or "").strip() for cgroup in cgroups]
        assert left == ["0"] * len(left), f"still reserved: {left}"
        self.databases.wait_ready()

    def run(self) -> Iterator[Row]:
        self.databases.start()
        if not self.options.without_only:
            self.guest.governor_image  # noqa: B018 (built before memory is short)
        with small_host(self.guest, self.options.available * MIB):
            # The first stretch after a start is slower than any other: the emulator has translated nothing yet.
            self.databases.warm().pgbench(self.options.seconds, self.options.seed)
            if self.options.load < 1:
                self.rate = self.options.load * self.databases.pgbench(self.options.seconds, self.options.seed).tps
            for attack in self.options.attacks:
                yield self.pair(attack, governed=False)
                if not self.options.without_only:
                    with self.governor():
                        yield self.pair(attack, governed=True)


# -- the table ---------------------------------------------------------------------------------------
HEADER = (f"# {'attack':10} {'governor':8} {'tps':>6} {'p99':>6} {'redis':>6} {'r.p99':>6} {'majfault':>9} {'refaults':>9} "
          f"{'ooms':>5} {'restarts':>8} {'pg kept':>8} {'rd kept':>8}   {'tps raw':>15} {'p99 ms raw':>17}")


def line(row: Row) -> str:
    quiet, now = row.quiet, row.attacked
    return (f"{row.attack:12} {'with' if row.governed else 'without':8} {now.postgres.tps / quiet.postgres.tps:6.2f} "
            f"{now.postgres.p99 / quiet.postgres.p99:6.2f} {now.redis.tps / quiet.redis.tps:6.2f} "
            f"{now.redis.p99 / quiet.redis.p99:6.2f} {now.major_faults:9d} {now.refaults:9d} {now.oom_kills:5d} {now.restarts:8d} "
            f"{now.kept['postgres']:8.2f} {now.kept['redis']:8.2f}   {quiet.postgres.tps:6.1f} > {now.postgres.tps:6.1f} "
            f"{quiet.postgres.p99:7.1f} > {now.postgres.p99:7.1f}")


def heading(guest: Guest, options: argparse.Namespace) -> str:
    info = guest.api("/info")
    assert isinstance(info, dict)
    kernel = f"Docker {info['ServerVersion']} ({info['CgroupDriver']} driver), kernel {info['KernelVersion']}"
    return "\n".join([
        f"# {kernel}, {info['NCPU']} emulated CPUs, host load {os.getloadavg()[0]:.1f}",
        f"# {options.available} MiB available before the databases are warm, no swap",
        f"# pgbench: select-only 9, simple-update 1, 2 clients, {options.seconds} s, seed {options.seed}, load {options.load:g} of what the "
        f"quiet machine can do; redis-benchmark: {options.requests} GETs, 4 clients",
        "# tps, p99, redis, r.p99: under attack, as a ratio to the quiet stretch just before. majfault, refaults, ooms, restarts: both",
        "# databases'. pg kept, rd kept: file + anon at the end, of min(reserve, what it held before)", HEADER])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attacks", nargs="+", choices=list(ATTACKS), default=list(ATTACKS))
    parser.add_argument("--seconds", type=int, default=60, help="of pgbench in each stretch")
    parser.add_argument("--requests", type=int, default=10000, help="of redis-benchmark in each stretch")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--load", type=float, default=0.5, help="what pgbench asks for, of what the quiet machine can do; 1: all it can")
    parser.add_argument("--available", type=int, default=900, help="MiB that the host has left before the databases are warm")
    parser.add_argument("--without-only", action="store_true", help="leave the governor out: do the attacks bite?")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "database.txt")
    options = parser.parse_args()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    machine = restore(f"pytest-{os.getpid()}", die_with_parent=True)
    try:
        guest = Guest(machine)
        guest.prepare()
        lines = [heading(guest, options)]
        for row in Bench(guest, options).run():
            lines.append(line(row))
            print(f"{time.strftime('%H:%M:%S')} {lines[-1]}", flush=True)
            # At once: a long run that breaks off must not lose what it has measured.
            options.out.write_text("\n".join(lines) + "\n")
    finally:
        machine.discard()
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
