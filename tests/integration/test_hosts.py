# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Other hosts than the usual one: with swap, with zram, with userns-remap, with AppArmor. A leak is saved on each of them."""

from __future__ import annotations

import dataclasses
import json

import pytest

from governed import fast_leak, go
from testbed.guest import Guest
from testbed.hosts import REMAPPED_IMAGE
from testbed.stack import GOVERNOR, Service, Stack
from testbed.told import Governor, start_governor
from testbed.wait import until
from testbed.workers import leaker

POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    near_oom: { brake: { docker_timeout: DOCKER_TIMEOUT, hold_timeout: 3s } }
    restart: { backoff: { from: 1ms, to: 1ms }, breaker: { restarts: 50 } }
"""
LEAST, PRIVILEGED = "governor.yaml", "governor.privileged.yaml"


def policy(docker_timeout: str = "20s") -> str:
    return POLICY.replace("DOCKER_TIMEOUT", docker_timeout)


def saved(governor: Governor, coach: Service, kills_before: int) -> None:
    """One graceful restart of the coach, and no OOM kill."""
    finished = governor.wait("restart_finished", coach.name, timeout=240)
    story = governor.timeline(coach.name)
    assert (finished.raw["outcome"], finished.raw["exit_code"]) == ("graceful", 0), story
    assert coach.oom_kills() == 0, story
    assert coach.guest.oom_kills() == kills_before, story
    assert governor.events(coach.name, "killed", "oom_killed", "action_failed") == [], story


# -- swap --------------------------------------------------------------------------------------------
def leak_into_swap(stack: Stack) -> None:
    """The container may use 128 MiB of swap beside its 192 MiB of memory: it is full when both are."""
    governor = start_governor(stack, policy())
    before = stack.guest.oom_kills()
    work = leaker("c", rate=20, start_after=8)
    coach = stack.worker("coach", work, limit="192m", memswap_limit="320m", restart="unless-stopped", stop_grace_period="60s")
    stack.up()
    saved(governor, coach, before)
    assert len(coach.saved_files()) == 1


# Both in `--full` only: the usual set has a host with swap in test_binding_limit.py.
@pytest.mark.full
def test_a_leak_on_a_host_with_swap_is_saved(swap_host: Guest, stack: Stack) -> None:
    leak_into_swap(stack)


@pytest.mark.full
def test_a_leak_on_a_host_with_zram_is_saved(zram_host: Guest, stack: Stack) -> None:
    leak_into_swap(stack)


# -- the shipped Compose files -----------------------------------------------------------------------
def apparmor_profile(service: Service) -> str:
    return (service.guest.read(f"/proc/{service.pid}/attr/apparmor/current") or "").strip()


def start_shipped(stack: Stack, file: str, docker_timeout: str = "20s") -> Governor:
    """The governor as it is shipped starts, in place of the one before, and finds nothing that keeps it from its work."""
    stack.shipped_governor(file, policy(docker_timeout))
    stack.up(GOVERNOR)
    governor = Governor(stack).wait_ready()
    report = json.loads(stack.cli("doctor", "--json", check=False, timeout=120).out)
    assert [check for check in report["checks"] if check["verdict"].lower() == "fail"] == []
    return governor


def start_coach(stack: Stack, governor: Governor, image: str = "testbed/python") -> Service:
    work = dataclasses.replace(fast_leak(), image=image)
    coach = stack.worker("coach", work, limit="256m", restart="unless-stopped", stop_grace_period="60s")
    stack.up(coach.name)
    governor.wait("armed", coach.name)
    return coach


def leaks_and_is_saved(coach: Service, governor: Governor) -> None:
    before = coach.guest.oom_kills()
    go(coach)
    saved(governor, coach, before)
    governor.check_schema()


# Both in `--full` only: each needs a machine of its own, two minutes that the usual set does not have.
@pytest.mark.full
def test_shipped_files_with_userns_remap(userns_host: Guest, stack: Stack) -> None:
    governor = start_shipped(stack, LEAST)
    coach = start_coach(stack, governor, REMAPPED_IMAGE)
    leaks_and_is_saved(coach, governor)
    start_shipped(stack, PRIVILEGED).wait("armed", coach.name)


@pytest.mark.full
def test_shipped_files_with_apparmor(apparmor_host: Guest, stack: Stack) -> None:
    governor = start_shipped(stack, LEAST)
    coach = start_coach(stack, governor)
    assert apparmor_profile(coach) == apparmor_profile(stack.services[GOVERNOR]) == "docker-default (enforce)"
    leaks_and_is_saved(coach, governor)
    start_shipped(stack, PRIVILEGED).wait("armed", coach.name)
    assert apparmor_profile(stack.services[GOVERNOR]) == "unconfined"


# In `--full` only: the usual scenarios have the same lines in stack.governor().
@pytest.mark.full
@pytest.mark.parametrize("file", [LEAST, PRIVILEGED])
def test_shipped_file_on_the_usual_host(stack: Stack, file: str) -> None:
    governor = start_shipped(stack, file)
    leaks_and_is_saved(start_coach(stack, governor), governor)


# In `--full` only: the same path without AppArmor is in the usual set (test_docker_hangs).
@pytest.mark.full
def test_signal_without_docker_under_apparmor(apparmor_host: Guest, stack: Stack) -> None:
    """AppArmor lets the governor signal a container that has the same profile."""
    governor = start_shipped(stack, LEAST, docker_timeout="5s")
    coach = start_coach(stack, governor)
    dockerd = stack.guest.run("systemctl show -P MainPID docker").out.strip()
    stack.guest.run(["kill", "-STOP", dockerd])
    try:
        go(coach)
        until(coach.saved_files, "the saved work while dockerd is stopped", 90)
    finally:
        stack.guest.run(["kill", "-CONT", dockerd])
    finished = governor.wait("restart_finished", coach.name, timeout=120)
    assert (finished.raw["outcome"], finished.raw["via"]) == ("graceful", "direct"), governor.timeline()
    assert coach.oom_kills() == 0
