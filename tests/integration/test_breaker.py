# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A restart storm: restarts are spaced, then they end, and the service stays alive and capped until a person releases it."""

from __future__ import annotations

import pytest

from governed import HARD, Daemon, fast_leak, go, policy, start_coach, start_governor
from testbed.stack import GOVERNOR, Service, Stack
from testbed.wait import until

pytestmark = pytest.mark.once
# Two minutes of a real host; an emulated guest takes most of them for three restarts alone, and the window must hold all of them.
WITHIN = "15m"
CAP = HARD * 94 // 100 // 4096 * 4096


def storm(restarts: int, first_delay: str, hard: int = HARD >> 20) -> str:
    return policy(hard=hard, restart=f"backoff: {{ from: {first_delay}, to: 10m }}, "
                          f"breaker: {{ restarts: {restarts}, within: {WITHIN}, then: quarantine, cap: 94% }}")


def restart_number(coach: Service, daemon: Daemon, count: int) -> dict:
    go(coach)
    done = daemon.wait("restart_finished", count=count, timeout=180)
    assert done["outcome"] == "graceful", done
    return done


def capped(coach: Service) -> bool:
    return (coach.read("memory.high") or "").strip() == str(CAP)


def release(stack: Stack, coach: Service, daemon: Daemon, count: int) -> None:
    """It is above its threshold still, so the release means a restart, in good order."""
    stack.cli("release", "coach")
    daemon.wait("breaker_released")
    assert daemon.wait("restart_finished", count=count)["outcome"] == "graceful"
    assert coach.oom_kills() == 0
    assert coach.restarts == count
    assert len(coach.saved_files()) == count


def test_storm_ends_in_quarantine(stack: Stack) -> None:
    daemon = start_governor(stack, storm(restarts=2, first_delay="40s"))
    # It stays where it trips: what creeps on is the next test.
    coach = start_coach(stack, daemon, fast_leak(stop_at=235))
    finished = [restart_number(coach, daemon, count) for count in (1, 2)]

    # The first at once, the next no sooner than 40 s after it was back.
    (delayed,) = daemon.events("restart_delayed")
    assert delayed["reason"]["threshold"]["ms"] == 40_000
    signalled = [event["monotonic_ns"] for event in daemon.events("signalled")]
    back = [event["monotonic_ns"] for event in finished]
    assert signalled[1] - back[0] >= 40e9

    before = coach.pid
    go(coach)
    opened = daemon.wait("breaker_opened", service="coach")
    assert (opened["count"], opened["reason"]["rule"]) == (2, "breaker")
    until(lambda: capped(coach), "the cap", 30)

    stack.compose("restart", GOVERNOR)
    daemon.wait("governor_started", count=2)
    until(lambda: capped(coach), "the cap again", 60)
    assert coach.pid == before
    assert coach.restarts == 2
    assert "quarantined" in stack.cli("status").out
    release(stack, coach, daemon, count=3)


@pytest.mark.full
def test_leak_that_creeps_on_in_quarantine(stack: Stack) -> None:
    """Frozen half-way between tripwire and hard limit, over the governor's death too, and saved on release."""
    # At half the way, what is left must still hold the handler's 8 MiB, and what leaked while the governor was dead.
    daemon = start_governor(stack, storm(restarts=1, first_delay="1ms", hard=512))
    coach = start_coach(stack, daemon, fast_leak(base=400))
    restart_number(coach, daemon, 1)
    before = coach.pid
    go(coach)
    daemon.wait("breaker_opened", service="coach")
    daemon.wait("cap_frozen", service="coach", timeout=120)
    until(lambda: "frozen 1" in (coach.read("cgroup.events") or ""), "the freeze", 30)
    stack.compose("kill", "-s", "KILL", GOVERNOR)
    stack.compose("start", GOVERNOR)
    daemon.wait("cap_frozen", count=2, service="coach", timeout=120)
    assert coach.pid == before
    assert coach.oom_kills() == 0
    release(stack, coach, daemon, count=2)
