# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Docker does not answer when it is needed, or goes away for a while: the kernel-side path saves the work, and nothing is done twice."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from governed import Daemon, Striker, go, graceful_restart, policy, start_coach, start_governor
from testbed.guest import Guest
from testbed.stack import Service, Stack
from testbed.wait import until

DAEMON_JSON = "/etc/docker/daemon.json"


def dockerd(guest: Guest) -> int:
    return int(guest.run("systemctl show -P MainPID docker").out)


@pytest.fixture
def stopped(vm: Guest) -> Iterator[int]:
    """dockerd's pid; whatever the test does to it, it runs again afterwards."""
    pid = dockerd(vm)
    yield pid
    vm.run(["kill", "-CONT", str(pid)], check=False)


def saved_without_docker(coach: Service, daemon: Daemon, pid: int) -> None:
    """From a stopped dockerd on: the work is saved before it goes on, and the coach is started once after that."""
    guest = coach.guest
    until(coach.saved_files, "the saved work while dockerd stands still", 90)
    guest.run(["kill", "-CONT", str(pid)])
    done = daemon.wait("restart_finished", service="coach", timeout=120)
    assert (done["outcome"], done["via"], done["exit_code"]) == ("graceful", "direct", 0)
    assert len(daemon.events("docker_slow")) == 1
    assert coach.oom_kills() == 0
    # A request that dockerd read too late would be a restart more; the next one, asked for in good order, comes after it.
    done = graceful_restart(coach, daemon, count=2)
    assert done["via"] == "docker"
    assert coach.restarts == 2
    assert len(coach.saved_files()) == 2
    assert [event.attributes["exitCode"] for event in coach.events("die")] == ["0", "0"]


@pytest.mark.full
def test_stopped_before_the_trip(stack: Stack, stopped: int) -> None:
    daemon = start_governor(stack, policy(docker_timeout="5s"))
    coach = start_coach(stack, daemon)
    stack.guest.run(["kill", "-STOP", str(stopped)])
    go(coach)
    saved_without_docker(coach, daemon, stopped)


def test_stopped_after_the_freeze(stack: Stack, stopped: int) -> None:
    """The request for the restart may be in its socket already."""
    daemon = start_governor(stack, policy(docker_timeout="5s"))
    coach = start_coach(stack, daemon)
    striker = Striker(coach, stopped, "frozen", signal="SIGSTOP", after=0)
    go(coach)
    striker.result()
    saved_without_docker(coach, daemon, stopped)


@pytest.mark.full
def test_restarted(stack: Stack) -> None:
    """Without live-restore all containers go down and come back with it, the governor too."""
    daemon = start_governor(stack, policy())
    coach = start_coach(stack, daemon)
    stack.guest.run("systemctl restart docker", timeout=180)
    stack.guest.record_events()
    daemon.wait("governor_started", count=2)
    daemon.wait("armed", count=2, service="coach")
    graceful_restart(coach, daemon)
    # One restart in good order, and nothing else: the end of all containers at once was no alarm.
    assert sorted(daemon.alarms()) == ["brake", "oom_near", "restart_finished", "signalled"]


@pytest.mark.full
def test_restarted_under_running_containers(stack: Stack) -> None:
    """With live-restore the containers and the governor stay; only its connection breaks."""
    guest = stack.guest
    before = guest.read(DAEMON_JSON) or ""
    try:
        guest.ssh.write(DAEMON_JSON, json.dumps(json.loads(before) | {"live-restore": True}))
        guest.run("systemctl reload docker")
        until(lambda: guest.api("/info")["LiveRestoreEnabled"], "live-restore", 30)
        daemon = start_governor(stack, policy())
        coach = start_coach(stack, daemon)
        pids = coach.pid, daemon.service.pid
        guest.run("systemctl restart docker", timeout=180)
        guest.record_events()
        daemon.wait("docker_connected")
        assert (coach.pid, daemon.service.pid) == pids
        assert daemon.alarms() == []
        graceful_restart(coach, daemon)
    finally:
        guest.ssh.write(DAEMON_JSON, before)
        guest.run("systemctl reload docker")
