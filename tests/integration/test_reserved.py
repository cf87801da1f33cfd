# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The database's memory is really reserved: whatever eats the host's, a real PostgreSQL and Redis keep theirs, run on, and answer."""

from __future__ import annotations

import pytest

from reserved import AVAILABLE, POLICY, POSTGRES_MIN, REDIS_MIN, minima, standing, unharmed
from testbed.attackers import ATTACKS, small_host, under
from testbed.databases import Databases, Footprint
from testbed.stack import Service, Stack
from testbed.told import start_governor

SECONDS = 15
# The unguarded run takes away nine tenths of the page cache (test_testbed shows it): a twentieth is noise.
KEPT = 0.95


def kept(before: Footprint, after: Footprint, reserve: int) -> bool:
    return after.held >= KEPT * min(reserve, before.held)


def adjustments(service: Service) -> set[str]:
    """oom_score_adj of each of its processes."""
    text = service.guest.run(f"for p in $(cat {service.cgroup}/cgroup.procs); do cat /proc/$p/oom_score_adj; done").out
    return set(text.split())


MATRIX = [(driver, attack) for driver in ("systemd", "cgroupfs") for attack in ATTACKS]
#: Each attack once in every run, and both drivers.
ALWAYS = {("systemd", "coach"), ("systemd", "host"), ("systemd", "backup"), ("cgroupfs", "container")}


@pytest.mark.parametrize(("driver", "attack"),
                         [pytest.param(*pair, marks=() if pair in ALWAYS else pytest.mark.full) for pair in MATRIX], indirect=["driver"])
def test_databases_keep_their_memory(driver: str, attack: str, stack: Stack) -> None:
    governor = start_governor(stack, POLICY)
    databases = Databases(stack).start()
    postgres, redis = databases.services
    reserves = {postgres.name: POSTGRES_MIN, redis.name: REDIS_MIN}
    for service in databases.services:
        governor.wait("reserved", service.name)
    with small_host(stack.guest, AVAILABLE):
        databases.warm()
        for service in databases.services:
            told = standing(stack, service)
            assert told["effective_min"] == reserves[service.name], told
        before = {service.name: Footprint.of(service) for service in databases.services}
        pids = [service.pid for service in databases.services]
        with under(ATTACKS[attack](stack)):
            load = databases.pgbench(SECONDS)
            after = {service.name: Footprint.of(service) for service in databases.services}
        assert load.transactions > 0
        for name, reserve in reserves.items():
            story = f"{name}: {before[name]} -> {after[name]}\n{governor.timeline()}"
            assert kept(before[name], after[name], reserve), story
        assert databases.answers()
        assert [service.pid for service in databases.services] == pids
        unharmed(governor, *databases.services)
        assert "terminated by signal" not in postgres.logs()
        if attack != "coach":
            # Nobody else was punished for it.
            assert governor.events(None, "give_way", "brake", "killed") == [], governor.timeline()


def test_protected_from_the_oom_killer_too(stack: Stack) -> None:
    """PostgreSQL's backends come and go; each has the policy's oom_score_adj soon after it has come."""
    governor = start_governor(stack, POLICY)
    databases = Databases(stack).start()
    for service in databases.services:
        governor.wait("reserved", service.name)
    assert adjustments(databases.redis) == {"-900"}
    # For longer than the daemon's own round over the processes of a container.
    databases.pgbench(SECONDS)
    assert adjustments(databases.postgres) == {"-900"}
    assert minima(databases.postgres)[0] == POSTGRES_MIN
    assert minima(databases.postgres)[1] >= POSTGRES_MIN + REDIS_MIN
