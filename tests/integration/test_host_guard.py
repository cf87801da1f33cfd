# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The host runs short: the service of the lowest priority gives way, gracefully; what somebody else ate is told, and nobody pays for it."""

from __future__ import annotations

import pytest

from governed import fast_leak, go
from reserved import MIB, unharmed
from testbed.attackers import HostEater, available_memory, small_host, sleeper, steady_worker
from testbed.stack import Service, Stack
from testbed.told import Governor, start_governor

KEEP_FREE = 160 * MIB
#: Of the small host, once everything but the eater has started.
ROOM = 600 * MIB
#: What an eater leaves: short by the policy, and far from the kernel's OOM killer.
LEFT = 90 * MIB
HELD = 120 * MIB
# Hard limits that nobody reaches: the host is what runs out. The lowest priority comes neither first nor last in the file.
WORKER = """
    memory: {{ hard: 1GiB, swap: 0, tripwire: 95% }}
    priority: {priority}
    near_oom: {{ brake: {{ docker_timeout: 20s, hold_timeout: 3s }} }}
    restart: {{ backoff: {{ from: 1ms, to: 1ms }}, breaker: {{ restarts: 50 }} }}
"""
POLICY = f"""
version: 1
host: {{ keep_free: {KEEP_FREE}, pressure: {{ full: 30%, over: 2s }} }}
services:
  important:
    match: {{ service: important }}
{WORKER.format(priority=50)}
  first:
    match: {{ service: first }}
{WORKER.format(priority=10)}
  second:
    match: {{ service: second }}
{WORKER.format(priority=20)}
  database:
    match: {{ service: redis }}
    reserve: {{ min: 32MiB, oom_score_adj: -900 }}
    never: [freeze, restart, kill]
"""


def governed(stack: Stack, governor: Governor, first: Service) -> list[Service]:
    """Everything but `first`, which the caller made, is steady."""
    others = [steady_worker(stack, name, HELD, restart="unless-stopped") for name in ("important", "second")]
    others.append(stack.redis())
    stack.up()
    for service in [first, *others]:
        governor.wait("armed", service.name)
    for service in others[:2]:
        service.wait_memory(HELD)
    return others


def wait_short(governor: Governor, cause: str) -> dict:
    told = governor.wait("host_short", timeout=240)
    assert told.rule in ("host_available", "host_forecast", "host_pressure"), told
    assert told.raw["cause"] == cause, governor.timeline()
    return told.raw


def test_the_lowest_priority_gives_way(stack: Stack) -> None:
    governor = start_governor(stack, POLICY)
    first = stack.worker("first", fast_leak(base=60, rate=20), limit=None, restart="unless-stopped", stop_grace_period="60s")
    others = governed(stack, governor, first)
    kernel = stack.guest.oom_kills()
    with small_host(stack.guest, ROOM):
        go(first)
        wait_short(governor, "governed services")
        done = governor.wait("restart_finished", first.name, timeout=240)
        assert done.raw["outcome"] == "graceful", governor.timeline()
        governor.wait("host_at_ease", timeout=240)
    order = [e.type for e in governor.events() if e.type in ("host_short", "give_way", "restart_finished", "host_at_ease")]
    # `host_short` may be told again while it lasts; at ease the host may be before the container is back.
    assert list(dict.fromkeys(order))[:2] == ["host_short", "give_way"], governor.timeline()
    assert {e.service for e in governor.events(None, "give_way", "brake", "signalled")} == {"first"}, governor.timeline()
    assert len(first.saved_files()) == 1
    assert first.oom_kills() == 0
    assert stack.guest.oom_kills() == kernel
    unharmed(governor, *others)


@pytest.mark.full
def test_a_process_of_the_host_is_told_and_nobody_pays(stack: Stack) -> None:
    governor = start_governor(stack, POLICY)
    first = sleeper(stack, "first", restart="unless-stopped")
    others = governed(stack, governor, first)
    with small_host(stack.guest, ROOM):
        eater = HostEater(stack.guest, rate=40, stop_at=(available_memory(stack.guest) - LEFT) >> 20)
        try:
            eater.start()
            told = wait_short(governor, "processes outside Docker")
            assert "leaker" in told["detail"], told
        finally:
            eater.stop()
        governor.wait("host_at_ease", timeout=240)
    assert governor.events(None, "give_way") == [], governor.timeline()
    unharmed(governor, first, *others)


@pytest.mark.full
def test_a_container_that_nobody_governs_is_told_and_nobody_pays(stack: Stack) -> None:
    governor = start_governor(stack, POLICY)
    first = sleeper(stack, "first", restart="unless-stopped")
    others = governed(stack, governor, first)
    with small_host(stack.guest, ROOM):
        eater = steady_worker(stack, "eater", available_memory(stack.guest) - LEFT, oom_score_adj=500)
        stack.up(eater.name)
        wait_short(governor, "other containers")
        stack.compose("rm", "-s", "-f", eater.name)
        governor.wait("host_at_ease", timeout=240)
    assert governor.events(None, "give_way") == [], governor.timeline()
    unharmed(governor, first, *others)
