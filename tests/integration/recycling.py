# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What the scenarios about `do: recycle` share: a pool under load and its governor, and what must not have happened to either."""

from __future__ import annotations

from dataclasses import dataclass

from testbed import pools
from testbed.pools import NAME, Load, Pool
from testbed.stack import Service, Stack
from testbed.told import Governor, Told, start_governor
from testbed.wait import until

#: Room for the slow end of a process in an emulated machine: a quarter of the limit.
TRIPWIRE = 75
LIMIT = 256

# The times are generous because the guest is emulated: they are no part of what the scenarios show.
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
      recycle: {{ {recycle} }}
    restart: {{ backoff: {{ from: 1ms, to: 1ms }}, breaker: {{ restarts: 50, within: 1h }} }}
"""


def policy(do: str = "recycle", **recycle: str) -> str:
    words = {"signal": "TERM", "grace": "90s", "respawn": "90s"} | recycle
    return POLICY.format(do=do, tripwire=TRIPWIRE, recycle=", ".join(f"{key}: {value}" for key, value in words.items()))


@dataclass
class Guarded:
    """A pool that its governor has armed, with clients."""

    governor: Governor
    service: Service
    load: Load
    started: str
    kills: int
    #: Children of the pool's parent before the leak: its workers, and a helper of uvicorn's.
    children: int

    def wait(self, kind: str, count: int = 1, timeout: float = 240) -> Told:
        return self.governor.wait(kind, NAME, count, timeout)

    def types(self) -> list[str]:
        return self.governor.types(NAME)

    def assert_never_restarted(self) -> None:
        found = self.service.inspect()
        assert (found["State"]["StartedAt"], found["RestartCount"]) == (self.started, 0), self.governor.timeline(NAME)
        assert self.service.restarts == 0
        assert not {"restart_finished", "signalled", "killed", "oom_killed", "recycle_failed", "breaker_opened"} & set(self.types()), \
            self.governor.timeline(NAME)

    def assert_no_oom_kill(self) -> None:
        assert self.service.stack.guest.oom_kills() == self.kills, self.governor.timeline(NAME)

    def assert_pool_complete(self) -> None:
        """The parent has as many children as at the start."""
        until(lambda: len(children(self.service)) == self.children, f"{self.children} children of the pool", 90)

    def assert_nothing_lost(self) -> None:
        """Every request was answered; every task was done, once, and not begun twice."""
        counts = self.load.stop()
        bad = {key: counts[key] for key in ("refused", "broken", "failed", "lost", "twice", "again") if counts.get(key)}
        assert not bad, f"{bad} of {counts}\n{self.governor.timeline(NAME)}\n{self.service.logs()[-2000:]}"
        assert counts["ok"] > 0


def guarded(stack: Stack, pool: Pool, text: str, limit: int = LIMIT, leak_mib: float = 1, **more: float) -> Guarded:
    """The governor, then the pool, then its clients: two requests a second from each of four."""
    governor = start_governor(stack, text)
    service = pools.add(stack, pool, limit=f"{limit}m", leak_mib=leak_mib)
    stack.up()
    governor.wait("armed", NAME)
    started = service.inspect()["State"]["StartedAt"]
    kills = stack.guest.oom_kills()
    load = pools.served(stack, pool, **({"interval": 0.5} | more))
    return Guarded(governor, service, load, started, kills, len(children(service)))


def children(service: Service) -> list[int]:
    """The processes of the container that have a sibling: children of the one process that has several."""
    parents: dict[int, list[int]] = {}
    for pid in (int(word) for word in (service.read("cgroup.procs") or "").split()):
        stat = service.guest.read(f"/proc/{pid}/stat")
        if stat:  # it may have ended
            parents.setdefault(int(stat.rsplit(")", 1)[1].split()[1]), []).append(pid)
    return max(parents.values(), key=len, default=[])
