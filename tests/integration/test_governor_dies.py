# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The governor ends in the middle of its work: nothing may stay frozen, and the next one goes on where it ended."""

from __future__ import annotations

import pytest

from governed import FINISH, Daemon, Strike, Striker, fast_leak, finish, go, graceful_restart, policy, start_coach, start_governor
from testbed.stack import GOVERNOR, Service, Stack
from testbed.wait import until


def start(stack: Stack, shape: str = "single") -> tuple[Service, Daemon]:
    """A coach whose stop handler lasts until finish(): the next governor finds it draining, however slow the machine is."""
    # Four handlers at once need four times their 8 MiB between the tripwire and the line at which the governor kills, and what leaks
    # until they begin. On a busy machine that was 46 MiB, which is all that a hard limit of 512 leaves.
    several = shape == "procs4"
    daemon = start_governor(stack, policy(hard=768 if several else 256))
    work = fast_leak(shape=shape, base=640 if several else 150, save_when=FINISH)
    coach = start_coach(stack, daemon, work, stop_grace_period="180s")
    return coach, daemon


def nothing_stands_still(strike: Strike) -> None:
    """One second by the guest's clock. What a starved guest did not even let the watcher see is not held against the governor."""
    slack = strike.gap / 1e9
    assert all(seconds - slack < 1 for seconds in strike.frozen_after_death().values()), strike


def saved_and_armed_again(coach: Service, daemon: Daemon, saved: int = 1) -> None:
    armed = len(daemon.events("armed", service="coach"))
    finish(coach)
    assert coach.wait_exit() == 0
    coach.wait_event("start", count=2)
    daemon.wait("armed", count=armed + 1, service="coach")
    assert coach.restarts == 1
    assert len(coach.saved_files()) == saved
    assert coach.oom_kills() == 0
    assert daemon.events("killed", "oom_killed") == []


@pytest.mark.full
def test_killed_when_armed(stack: Stack) -> None:
    daemon = start_governor(stack, policy())
    coach = start_coach(stack, daemon)
    before = coach.pid
    strike = Striker(coach, daemon.service.pid, "now", after=1).result()
    assert strike.frozen == []
    daemon.wait("armed", count=2, service="coach")
    assert coach.pid == before
    graceful_restart(coach, daemon)
    assert daemon.events("adopted") == []


@pytest.mark.parametrize("step", [pytest.param("tripped", marks=pytest.mark.full), "frozen"])
def test_killed_before_the_stop_is_asked_for(stack: Stack, step: str) -> None:
    """Or just after, as the race goes: the next governor trips on its own, or adopts."""
    coach, daemon = start(stack)
    striker = Striker(coach, daemon.service.pid, step)
    go(coach)
    nothing_stands_still(striker.result())
    daemon.wait("governor_started", count=2)
    until(lambda: daemon.events("adopted") or len(daemon.events("signalled")) == 1, "the next governor to act", 60)
    saved_and_armed_again(coach, daemon)


@pytest.mark.parametrize(("step", "shape", "saved"), [("signalled", "procs4", 4), pytest.param("draining", "single", 1, marks=pytest.mark.full)])
def test_killed_in_the_middle_of_a_restart(stack: Stack, step: str, shape: str, saved: int) -> None:
    """With several processes the others are in the hold, which has to be thawed too."""
    coach, daemon = start(stack, shape)
    striker = Striker(coach, daemon.service.pid, step)
    go(coach)
    nothing_stands_still(striker.result())
    daemon.wait("adopted", service="coach")
    saved_and_armed_again(coach, daemon, saved)
    assert daemon.wait("restart_finished")["outcome"] == "graceful"


@pytest.mark.full
def test_killed_by_docker_while_it_drains(stack: Stack) -> None:
    """`docker kill` leaves it down until a person starts it."""
    coach, daemon = start(stack, "procs4")
    go(coach)
    daemon.wait("signalled", service="coach")
    stack.guest.docker("kill", "-s", "KILL", daemon.service.container)
    assert daemon.service.wait_exit() == 137
    folders = f"{coach.cgroup} {coach.cgroup}/governor-hold"
    assert "1" not in stack.guest.run(f"for f in {folders}; do cat $f/cgroup.freeze; done 2>/dev/null; true").out
    stack.guest.docker("start", daemon.service.container)
    daemon.wait("adopted", service="coach")
    saved_and_armed_again(coach, daemon, saved=4)


def test_guardian_killed(stack: Stack) -> None:
    """The governor freezes only with somebody beside it who would thaw."""
    daemon = start_governor(stack, policy())
    coach = start_coach(stack, daemon)
    before = daemon.guardian
    assert before
    stack.guest.run(["kill", "-KILL", str(before)])
    graceful_restart(coach, daemon)
    assert daemon.events("brake")
    assert daemon.guardian not in (0, before)


def test_stopped_when_idle_and_in_the_middle_of_a_brake(stack: Stack) -> None:
    daemon = start_governor(stack, policy())
    coach = start_coach(stack, daemon)
    stack.compose("stop", GOVERNOR)
    assert daemon.service.wait_exit() == 0
    assert (coach.read("memory.high") or "").strip() == "max"
    stack.compose("start", GOVERNOR)
    daemon.wait("armed", count=2, service="coach")
    striker = Striker(coach, daemon.service.pid, "frozen", signal="SIGTERM")
    go(coach)
    strike = striker.result()
    assert strike.frozen_after_death() == {}
    assert strike.high in ("max", "")  # empty: the coach was gone already
    assert daemon.service.wait_exit() == 0
    assert coach.wait_exit() == 0
    assert len(coach.saved_files()) == 1
    assert coach.oom_kills() == 0
    coach.wait_event("start", count=2)
    daemon.wait("armed", count=3, service="coach")
