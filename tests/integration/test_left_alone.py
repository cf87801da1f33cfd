# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Deploys, stops and pauses by people and tools: the governor does nothing, raises no alarm, and guards what comes after."""

from __future__ import annotations

import pytest

from governed import FINISH, Daemon, fast_leak, finish, go, graceful_restart, policy, start_coach, start_governor
from testbed.stack import GOVERNOR, Stack
from testbed.wait import until
from testbed.workers import script

pytestmark = pytest.mark.once


def armed_again(daemon: Daemon, count: int) -> None:
    daemon.wait("armed", count=count, service="coach")
    assert daemon.alarms() == []


def test_deploys_stops_and_one_offs(stack: Stack) -> None:
    daemon = start_governor(stack, policy())
    coach = start_coach(stack, daemon)
    first = coach.id

    # A deploy: the same service, a changed environment, a new container.
    start_coach(stack, daemon, environment={"RELEASE": "2"})
    assert coach.id != first
    assert daemon.alarms() == []

    stack.compose("stop", "coach")
    assert not coach.running
    stack.compose("start", "coach")
    armed_again(daemon, 3)

    stack.guest.docker("stop", coach.container)
    assert not coach.running
    # A one-off of the same service is a person's: neither limits nor alarms, and the stopped one stays as it is.
    name = stack.compose("run", "--rm", "-d", "coach").out.split()[-1]
    one_off = stack.guest.inspect(name)
    assert one_off
    assert (stack.guest.read(f"{stack.guest.cgroup(one_off['Id'])}/memory.high") or "").strip() == "max"
    stack.guest.docker("stop", one_off["Id"])
    assert not coach.running
    stack.guest.docker("start", coach.container)
    armed_again(daemon, 4)
    assert all(event["container"]["id"] != one_off["Id"] for event in daemon.events(service="coach"))

    stack.guest.docker("restart", coach.container)
    armed_again(daemon, 5)

    # Each of the starts was asked for by us; and it is guarded as on the first day.
    starts = len(coach.events("start"))
    graceful_restart(coach, daemon)
    assert len(coach.events("start")) == starts + 1


@pytest.mark.full
def test_paused(stack: Stack) -> None:
    """Paused by a person it stays so, over a restart of the governor too; and is guarded again when it goes on."""
    daemon = start_governor(stack, policy())
    coach = start_coach(stack, daemon)
    stack.guest.docker("pause", coach.container)
    daemon.wait("left_alone", service="coach")
    stack.compose("kill", "-s", "KILL", GOVERNOR)
    stack.compose("start", GOVERNOR)
    daemon.wait("armed", count=2, service="coach")
    assert coach.inspect()["State"]["Paused"]
    assert "frozen 1" in (coach.read("cgroup.events") or "")
    stack.compose("stop", GOVERNOR)
    assert "frozen 1" in (coach.read("cgroup.events") or "")
    stack.compose("start", GOVERNOR)
    daemon.wait("armed", count=3, service="coach")
    assert "frozen 1" in (coach.read("cgroup.events") or "")
    stack.guest.docker("unpause", coach.container)
    assert daemon.alarms() == []
    graceful_restart(coach, daemon)


@pytest.mark.full
def test_removed_while_it_is_acted_on(stack: Stack) -> None:
    """Gone in the middle of a drain: normal, no error, and the next container of the service is armed."""
    daemon = start_governor(stack, policy())
    coach = start_coach(stack, daemon, fast_leak(save_when=FINISH), stop_grace_period="180s")
    go(coach)
    daemon.wait("signalled", service="coach")
    before = daemon.errors
    stack.guest.docker("rm", "-f", coach.container)
    until(lambda: coach.events("destroy"), "the container to be gone", 60)
    finish(coach)
    start_coach(stack, daemon, script("sleep 600"))
    assert daemon.errors == before
    assert daemon.events("action_failed", "killed", "oom_killed") == []
    assert daemon.service.restarts == 0
