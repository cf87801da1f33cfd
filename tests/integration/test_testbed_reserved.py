# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Proves what the scenarios about reserved memory stand on, without a governor: the attacks bite, the bus can be spoilt."""

from __future__ import annotations

import pytest

from reserved import AVAILABLE, spoilt_bus
from testbed.attackers import ATTACKS, small_host, under
from testbed.databases import Databases, Footprint
from testbed.guest import CGROUP, Guest
from testbed.stack import Stack

pytestmark = pytest.mark.once
FULL = pytest.mark.full


@pytest.mark.parametrize("attack", [pytest.param("container", marks=FULL), pytest.param("host", marks=FULL), pytest.param("backup", marks=FULL)])
def test_unprotected_it_loses_its_cache(attack: str, stack: Stack) -> None:
    databases = Databases(stack).start()
    with small_host(stack.guest, AVAILABLE):
        databases.warm()
        before = Footprint.of(databases.postgres)
        with under(ATTACKS[attack](stack)):
            # What is left is its shared buffers, which nothing can reclaim without swap.
            assert Footprint.of(databases.postgres).held < before.held * 6 // 10
            databases.pgbench(10)
        after = Footprint.of(databases.postgres)
    assert after.refaults > before.refaults
    assert databases.answers()
    assert [service.oom_kills() for service in databases.services] == [0, 0]


@pytest.mark.parametrize(("driver", "parent", "where"), [
    pytest.param("systemd", "guard-db.slice", "guard.slice/guard-db.slice/docker-{}.scope", marks=FULL),
    pytest.param("cgroupfs", "", "docker/{}", marks=FULL), pytest.param("cgroupfs", "/guard/db", "guard/db/{}", marks=FULL)], indirect=["driver"])
def test_the_container_is_where_the_driver_keeps_it(driver: str, parent: str, where: str, stack: Stack) -> None:
    redis = stack.redis(limit="64m", **({"cgroup_parent": parent} if parent else {}))
    stack.up()
    assert redis.cgroup == f"{CGROUP}/{where.format(redis.id)}"
    assert (redis.read("memory.max") or "").strip() == str(64 << 20)


def call(guest: Guest, bus: str, method: str, *words: str) -> str:
    """What busctl prints, over the socket `bus`."""
    done = guest.run(["env", f"DBUS_SYSTEM_BUS_ADDRESS=unix:path={bus}", "busctl", "--timeout=5", "call",
                      "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", method, *words],
                     check=False)
    return done.out + done.err


@FULL
def test_the_bus_can_be_spoilt(vm: Guest) -> None:
    get = ["GetUnit", "s", "system.slice"]
    put = ["SetUnitProperties", "sba(sv)", "system.slice", "true", "1", "MemoryLow", "t", "0"]
    with spoilt_bus(vm, "--refuse", "SetUnitProperties") as bus:
        assert "system_2eslice" in call(vm, bus, *get)
        assert "denied" in call(vm, bus, *put)
    with spoilt_bus(vm) as bus:
        assert call(vm, bus, *put) == ""
    with spoilt_bus(vm, "--late", "60") as bus:
        assert "timed out" in call(vm, bus, *get).lower()
    assert "system_2eslice" in call(vm, "/run/dbus/system_bus_socket", *get)
