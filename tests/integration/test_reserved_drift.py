# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A reservation stays what the policy says, on the container and on its ancestors, whoever else writes to them."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from reserved import MIB, OWN, POLICY, REDIS_MIN, REPAIR, ancestors, honoured, minima, minimum, standing, wait_minima
from testbed.stack import BUS, Service, Stack
from testbed.told import Governor, start_governor
from testbed.wait import until

FULL = pytest.mark.full
BY_HAND = "written by hand or by another program"


def reserved_redis(stack: Stack, governor: Governor, name: str = "redis", **more: object) -> Service:
    before = len(governor.events(name, "reserved"))
    redis = stack.redis(name, limit="256m", **more)
    stack.up(name)
    governor.wait("reserved", name, count=before + 1)
    return redis


@pytest.mark.parametrize(("driver", "parent", "via"), [
    pytest.param("systemd", "", "systemd", marks=FULL), ("systemd", "guard-db.slice", "systemd"),
    pytest.param("cgroupfs", "", "files", marks=FULL), pytest.param("cgroupfs", "/guard/db", "files", marks=FULL)], indirect=["driver"])
def test_every_ancestor_for_as_long_as_it_is_needed(driver: str, parent: str, via: str, stack: Stack) -> None:
    guest = stack.guest
    governor = start_governor(stack, POLICY)
    more = {"cgroup_parent": parent} if parent else {}
    redis = reserved_redis(stack, governor, **more)
    above = {cgroup: minimum(guest, cgroup) for cgroup in ancestors(redis.cgroup)}
    assert minima(redis)[0] == REDIS_MIN
    # Nothing but this and the daemon itself: what a governor that was killed before this one has left there, this one has taken back.
    assert all(REDIS_MIN <= value <= REDIS_MIN + OWN for value in above.values()), above
    until(lambda: honoured(stack, redis), "the reservation to be honoured", REPAIR, pause=1)
    assert (standing(stack, redis)["min"], standing(stack, redis)["via"]) == (REDIS_MIN, via)

    # A new container of the same service: reserved again, and the ancestors count it once.
    first = redis.id
    stack.compose("up", "-d", "--force-recreate", "redis")
    governor.wait("reserved", "redis", count=2)
    assert redis.id != first
    wait_minima(redis, REDIS_MIN)
    until(lambda: {c: minimum(guest, c) for c in above} == above, "the ancestors' memory.min to count one container", REPAIR)

    # A second one on the way is counted, and what it needed is given back with it.
    reserved_redis(stack, governor, "redis-2", **more)
    both = {cgroup: value + REDIS_MIN for cgroup, value in above.items()}
    until(lambda: {c: minimum(guest, c) for c in both} == both, "the ancestors' memory.min to count both", REPAIR)
    for name, left in (("redis-2", above), ("redis", dict.fromkeys(above, 0))):
        stack.compose("rm", "-s", "-f", name)
        until(lambda: {c: minimum(guest, c) for c in left} == left, f"the ancestors' memory.min without {name}", REPAIR)
    assert governor.events(None, "drift_repaired", "drift_storm", "protection_short") == [], governor.timeline()


def by_hand(redis: Service) -> None:
    redis.write("memory.min", "0")


def by_hand_above(redis: Service) -> None:
    redis.guest.write(f"{ancestors(redis.cgroup)[0]}/memory.min", "0")


def by_systemd(redis: Service) -> None:
    # Not in the two seconds in which it would be taken for the echo of the daemon's own call.
    redis.guest.run("sleep 5")
    redis.guest.run(["systemctl", "set-property", "--runtime", f"docker-{redis.id}.scope", "MemoryMin=0"])


# A change, what the event says of its cause, and of its file. With the bus, the values that systemd knows of survive the rest.
CHANGES: list = [
    pytest.param(by_hand, BY_HAND, BUS, id="by-hand", marks=FULL),
    pytest.param(by_hand_above, BY_HAND, BUS, id="by-hand-on-the-ancestor", marks=FULL),
    pytest.param(by_systemd, "set through systemd", BUS, id="set-property", marks=FULL),
    pytest.param(by_hand, BY_HAND, None, id="by-hand-no-bus", marks=FULL),
]


@pytest.mark.parametrize(("change", "cause", "bus"), CHANGES)
def test_a_changed_value_is_set_back_and_told(change: Callable[[Service], None], cause: str, bus: str | None,
                                              stack: Stack) -> None:
    governor = start_governor(stack, POLICY, bus=bus)
    redis = reserved_redis(stack, governor)
    wanted = minima(redis)
    change(redis)
    told = governor.wait("drift_repaired", timeout=REPAIR)
    until(lambda: minima(redis) == wanted, "memory.min to be set back", REPAIR)
    assert (told.raw["file"], told.raw["cause"]) == ("memory.min", cause), governor.timeline()
    assert (told.raw["reason"]["measured"]["bytes"], told.raw["reason"]["threshold"]["bytes"]) in [(0, value) for value in wanted]
    # Said once, and it stayed.
    assert len(governor.events(None, "drift_repaired")) == 1, governor.timeline()


def daemon_reload(redis: Service) -> None:
    redis.guest.run(["systemctl", "daemon-reload"], timeout=120)


def update_memory(redis: Service) -> None:
    redis.guest.docker("update", "--memory", "300m", "--memory-swap", "300m", redis.container)


def update_swap(redis: Service) -> None:
    redis.guest.docker("update", "--memory", "256m", "--memory-swap", "512m", redis.container)


@pytest.mark.parametrize("bus", [BUS, pytest.param(None, marks=FULL)], ids=["bus", "no-bus"])
@pytest.mark.parametrize("change", [pytest.param(daemon_reload, id="daemon-reload"), pytest.param(update_swap, id="update-swap", marks=FULL),
                                    pytest.param(update_memory, id="update-memory", marks=FULL)])
def test_others_may_do_their_work(change: Callable[[Service], None], bus: str | None, stack: Stack) -> None:
    """Whether the values survive it or are repaired depends on systemd's version and on who holds them: afterwards they hold."""
    governor = start_governor(stack, POLICY, bus=bus)
    redis = reserved_redis(stack, governor)
    wanted = minima(redis)

    def as_wanted() -> bool:
        return minima(redis) == wanted and minimum(redis.guest, redis.cgroup, "memory.swap.max") == 0

    until(as_wanted, "the reservation and the swap limit", REPAIR)
    change(redis)
    # A mark that the daemon gets to see after the change: once that is repaired, it has looked at everything.
    redis.write("memory.low", "0")
    until(lambda: [e for e in governor.events(None, "drift_repaired", "drift_storm") if e.raw["file"] == "memory.low"],
          "the mark to be repaired", REPAIR)
    until(as_wanted, "the reservation and the swap limit after the change", REPAIR)
    until(lambda: honoured(stack, redis), "the reservation to be honoured", REPAIR, pause=1)
    if change is not daemon_reload:
        # What the person asked for beside it is left as they asked.
        asked = 300 * MIB if change is update_memory else 256 * MIB
        assert minimum(redis.guest, redis.cgroup, "memory.max") == asked


@FULL
def test_no_storm_of_repairs(stack: Stack) -> None:
    """Another program sets the value again and again: said so, and left to it for a while; then the policy holds again."""
    guest = stack.guest
    governor = start_governor(stack, POLICY)
    redis = reserved_redis(stack, governor)
    file = f"{redis.cgroup}/memory.min"
    meddle = f"while :; do [ $(cat {file}) = 0 ] || echo 0 > {file}; sleep 0.3; done"
    guest.run(f"systemd-run --quiet --collect --unit=testbed-meddler -p KillSignal=SIGKILL sh -c {shlex.quote(meddle)}")
    try:
        governor.wait("drift_storm", "redis", timeout=REPAIR)
        assert len(governor.events("redis", "drift_repaired")) <= 5, governor.timeline()
    finally:
        guest.run(["systemctl", "stop", "testbed-meddler"], check=False)
    until(lambda: minima(redis)[0] == REDIS_MIN, "the reservation after the storm", 2 * REPAIR)


@FULL
def test_nothing_reserved_nothing_touched(stack: Stack) -> None:
    """A host whose policy reserves nothing keeps its cgroups as they were."""
    governor = start_governor(stack, POLICY)
    other = stack.service("other", {"image": "testbed/redis"})
    stack.up("other")
    other.wait_running()
    redis = reserved_redis(stack, governor)  # it has looked at both by then
    assert minima(other)[0] == 0
    # Whatever a governor before this one may have left there: what is claimed now, and the daemon's own.
    assert REDIS_MIN <= minima(redis)[1] <= REDIS_MIN + OWN
