# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The scripted host itself: the main job, from arming to the restart, and an orderly end."""

from __future__ import annotations

import signal

from scripted.host import MIB
from scripted.wait import until

POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    memory: { hard: 256MiB, swap: 0, tripwire: 90% }
    near_oom: { brake: { docker_timeout: 2s } }
"""


def test_a_leak_is_restarted_gracefully(host, start):
    daemon = start(POLICY)
    coach = host.container()
    daemon.wait("armed", service="coach")
    first = coach.main
    coach.use(anon=240 * MIB)
    finished = daemon.wait("restart_finished", service="coach")
    assert finished.raw["outcome"] == "graceful", daemon.timeline()
    assert first.signals() == [signal.SIGTERM]
    assert coach.main.pid != first.pid and not coach.frozen()


def test_the_hard_limit_goes_through_docker(host, start):
    daemon = start(POLICY)
    coach = host.container(memory=0)
    daemon.wait("armed", service="coach")
    assert coach.cgroup.get("memory.max") == str(256 * MIB)
    assert coach.cgroup.get("memory.high").startswith(str(256 * MIB * 9 // 10)), coach.cgroup.get("memory.high")


def test_an_end_leaves_nothing_behind(host, start):
    daemon = start(POLICY)
    coach = host.container()
    daemon.wait("armed", service="coach")
    host.engine.hang("POST .*/restart")
    coach.use(anon=240 * MIB)
    until(coach.frozen, "the brake", about=daemon.timeline)
    assert daemon.stop() == 0
    assert not coach.frozen() and coach.cgroup.get("memory.high") == "max"
