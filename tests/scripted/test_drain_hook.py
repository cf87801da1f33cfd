# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The file that takes a container out of its load balancer: made before the stop signal, gone when the container serves again."""

from __future__ import annotations

import signal

import pytest
from scripted.host import MIB, Container
from scripted.wait import until

POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    memory: { hard: 256MiB, swap: 0, tripwire: 85%% }
    near_oom:
      when: { unreclaimable: 85%% }
      do: graceful_restart
      brake: { docker_timeout: 1m }
      drain_hook: { %s }
"""
FILE = POLICY % "file: /run/drain, settle: 3s"
#: Longer than any test.
LONG = POLICY % "file: /run/drain, settle: 1m"
#: Near enough to its threshold (217 MiB) to be sampled each second, and to come there without a growth that leaves no time.
BEFORE, NEAR = {"anon": 205 * MIB}, {"anon": 220 * MIB}


def near(host, start, policy: str, *options: str):
    """A daemon, and a container that has come to its threshold."""
    daemon = start(policy, *options)
    coach = host.container(using=BEFORE)
    daemon.wait("armed", service="coach")
    # Two samples, so that the growth is known.
    until(lambda: daemon.status("coach")["unreclaimable"] == BEFORE["anon"], "a sample", about=daemon.timeline)
    coach.cgroup.memory(**NEAR)
    return daemon, coach


def drain_file(coach: Container):
    return coach.root / "run/drain"


def test_it_runs_on_with_the_file_and_restarts_without(host, start) -> None:
    daemon, coach = near(host, start, FILE)
    daemon.wait("drain_hook_called", service="coach")
    assert drain_file(coach).is_file() and not coach.frozen() and coach.main.signals() == [], daemon.timeline()
    assert daemon.status("coach")["phase"] == "drain_hook"
    finished = daemon.wait("restart_finished", service="coach")
    assert finished.raw["outcome"] == "graceful"
    until(lambda: not drain_file(coach).exists(), "the file's end", about=daemon.timeline)
    # `brake` is published when the freeze is seen before the signal is pending, which it need not be.
    order = [e.type for e in daemon.events("oom_near", "drain_hook_called", "signalled", "restart_finished")]
    assert order == ["oom_near", "drain_hook_called", "signalled", "restart_finished"], daemon.timeline()
    assert daemon.events("action_failed") == []


def test_what_a_killed_governor_left_is_removed_by_the_next(host, start) -> None:
    daemon, coach = near(host, start, LONG)
    daemon.wait("drain_hook_called", service="coach")
    daemon.signal(signal.SIGKILL)
    daemon.process.wait(20)
    assert drain_file(coach).is_file()
    coach.cgroup.memory(**BEFORE)
    following = start(LONG)
    following.wait("armed", service="coach")
    until(lambda: not drain_file(coach).exists(), "the file's end", about=following.timeline)
    assert coach.main.signals() == [] and following.events("oom_near") == []


def test_a_governor_that_ends_takes_the_file_with_it(host, start) -> None:
    daemon, coach = near(host, start, LONG)
    daemon.wait("drain_hook_called", service="coach")
    assert daemon.stop() == 0, daemon.errors()
    assert not drain_file(coach).exists()
    assert coach.main.signals() == [] and not coach.frozen()


def test_an_operators_file_stays(host, start) -> None:
    daemon = start(FILE)
    coach = host.container(using=BEFORE)
    drain_file(coach).write_text("maintenance\n")
    daemon.wait("armed", service="coach")
    coach.cgroup.memory(**NEAR)
    daemon.wait("drain_hook_called", service="coach")
    daemon.wait("restart_finished", service="coach")
    daemon.settle()
    assert drain_file(coach).read_text() == "maintenance\n"


@pytest.mark.parametrize("hook", ["file: /nowhere/drain, settle: 1m", 'http: "http://127.0.0.1:1/drain", settle: 1m'])
def test_a_hook_that_fails_delays_nothing(host, start, hook: str) -> None:
    daemon, coach = near(host, start, POLICY % hook)
    failed = daemon.wait("action_failed", service="coach")
    assert "The drain hook failed" in failed.detail
    assert daemon.wait("restart_finished", service="coach").raw["outcome"] == "graceful"
    assert daemon.events("drain_hook_called") == []


def test_no_link_of_the_container_leads_out(host, start) -> None:
    outside = host.folder / "outside"
    outside.mkdir()
    daemon = start(FILE)
    coach = host.container(using=BEFORE)
    (coach.root / "run").rmdir()
    (coach.root / "run").symlink_to(outside)
    daemon.wait("armed", service="coach")
    coach.cgroup.memory(**NEAR)
    daemon.wait("action_failed", service="coach")
    daemon.wait("restart_finished", service="coach")
    assert list(outside.iterdir()) == []


def test_growth_that_leaves_no_time_is_braked_at_once(host, start) -> None:
    daemon = start(LONG)
    coach = host.container(using=BEFORE)
    daemon.wait("armed", service="coach")
    coach.cgroup.memory(anon=250 * MIB)  # beyond half of the room below the hard limit
    daemon.wait("signalled", service="coach")
    daemon.wait("drain_hook_called", service="coach")
    assert daemon.wait("restart_finished", service="coach").raw["outcome"] == "graceful"
    until(lambda: not drain_file(coach).exists(), "the file's end", about=daemon.timeline)


def test_a_stop_by_a_person_is_left_alone_and_the_next_start_serves(host, start) -> None:
    daemon, coach = near(host, start, LONG)
    daemon.wait("drain_hook_called", service="coach")
    coach.stop()
    daemon.wait("left_alone", service="coach")
    assert drain_file(coach).exists(), "it stays out while it stops"
    coach.start()
    daemon.wait("armed", service="coach", count=2)
    until(lambda: not drain_file(coach).exists(), "the file's end", about=daemon.timeline)
    assert host.engine.count("POST", ".*/restart") == 0


def test_a_policy_without_the_hook_ends_it(host, start) -> None:
    daemon, coach = near(host, start, LONG)
    daemon.wait("drain_hook_called", service="coach")
    daemon.policy.write_text(LONG.replace("do: graceful_restart", "do: notify"))
    daemon.command("reload", check=True)
    until(lambda: not drain_file(coach).exists(), "the file's end", about=daemon.timeline)
    assert coach.main.signals() == [] and daemon.events("restart_finished") == []
