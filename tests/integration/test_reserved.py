# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The database's memory is really reserved: whatever eats the host's, a real PostgreSQL and Redis keep theirs, run on, and answer."""

from __future__ import annotations

import shlex

import pytest

from reserved import AVAILABLE, POLICY, POSTGRES_MIN, REDIS_MIN, REPAIR, honoured, minima, unharmed
from testbed.attackers import ATTACKS, small_host, under
from testbed.databases import Databases, Footprint
from testbed.stack import Service, Stack
from testbed.told import start_governor
from testbed.wait import until

SECONDS = 15
#: A connection that stays, from the client's container.
HELD_OPEN = "exec nsenter -t {pid} -m -n -- psql -h postgres -U postgres -c 'select pg_sleep(600)'"
# The unguarded run takes away nine tenths of the page cache (test_testbed shows it): a twentieth is noise.
KEPT = 0.95


def kept(before: Footprint, after: Footprint, reserve: int) -> bool:
    return after.held >= KEPT * min(reserve, before.held)


def adjustments(service: Service) -> set[str]:
    """oom_score_adj of each of its processes."""
    text = service.guest.run(f"for p in $(cat {service.cgroup}/cgroup.procs); do cat /proc/$p/oom_score_adj; done").out
    return set(text.split())


MATRIX = [(driver, attack) for driver in ("systemd", "cgroupfs") for attack in ATTACKS]
#: The worst of them in every run; the rest takes long.
ALWAYS = {("systemd", "host")}
PAIRS = [pytest.param(*pair, marks=() if pair in ALWAYS else pytest.mark.full) for pair in MATRIX]


@pytest.mark.parametrize(("driver", "attack"), PAIRS, indirect=["driver"])
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
            # The daemon looks again every few seconds.
            until(lambda s=service: honoured(stack, s), f"{service.name}'s reservation to be honoured", REPAIR, pause=2)
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


@pytest.mark.full
def test_protected_from_the_oom_killer_too(stack: Stack) -> None:
    """PostgreSQL's backends come and go; each has the policy's oom_score_adj soon after it has come."""
    governor = start_governor(stack, POLICY)
    databases = Databases(stack).start()
    for service in databases.services:
        governor.wait("reserved", service.name)
    assert adjustments(databases.redis) == {"-900"}
    before = int(databases.guest.run("cat /proc/sys/kernel/ns_last_pid").out)
    databases.pgbench(SECONDS)
    late = f"for p in $(cat {databases.postgres.cgroup}/cgroup.procs); do [ $p -gt {before} ] && echo $p; done; true"
    held = HELD_OPEN.format(pid=databases.client.pid)
    databases.guest.run(f"systemd-run --quiet --collect --unit=testbed-backend -p KillSignal=SIGKILL sh -c {shlex.quote(held)}")
    try:
        until(lambda: databases.guest.run(late).out.split(), "a backend that is younger than the reservation", REPAIR)
        until(lambda: adjustments(databases.postgres) == {"-900"}, "all of PostgreSQL to be the last choice", REPAIR, pause=1)
    finally:
        databases.guest.run(["systemctl", "stop", "testbed-backend"], check=False)
    assert minima(databases.postgres)[0] == POSTGRES_MIN
    assert minima(databases.postgres)[1] >= POSTGRES_MIN + REDIS_MIN
