# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A PID 1 that does not heed its stop signal is killed whole, never by the OOM killer, and the event says why it had to be."""

from __future__ import annotations

import pytest

from testbed.stack import Service, Stack
from testbed.told import Governor, Told, start_governor
from testbed.workers import leaker

POLICY = """
version: 1
services:
  coach:
    match: { service: "coach-*" }
    memory: { tripwire: 80% }
    near_oom:
      when: { unreclaimable: 80% }
      brake: { docker_timeout: 20s, hold_timeout: 3s }
    restart: { backoff: { from: 10m, to: 10m } }
"""
# What the leaker calls it, and what the governor must say of it.
HANDLING = {"default": "not_handled", "ignore": "ignored"}
ADVICE = {"default": "no handler for its stop signal", "ignore": "ignores its stop signal"}


def assert_killed_whole(governor: Governor, coach: Service, handler: str) -> Told:
    finished = governor.wait("restart_finished", coach.name, timeout=180)
    assert coach.wait_exit(timeout=10) == 137
    assert finished.raw["exit_code"] == 137
    assert finished.raw.get("stop_handling") == HANDLING[handler], governor.timeline(coach.name)
    assert ADVICE[handler] in finished.detail, governor.timeline(coach.name)
    assert coach.oom_kills() == 0
    assert coach.saved_files() == []
    # Back, and under guard again.
    assert coach.running
    assert len(governor.events(coach.name, "armed")) == 2
    return finished


@pytest.mark.parametrize("shape", ["single", pytest.param("procs4", marks=pytest.mark.full)])
def test_that_leaks_on_is_killed_at_the_hard_limit(stack: Stack, shape: str) -> None:
    kills_before = stack.guest.oom_kills()
    governor = start_governor(stack, POLICY)
    coaches = {handler: stack.worker(f"coach-{handler}", leaker("c", rate=0, shape=shape, handler=handler, start_after=8),
                                     restart="unless-stopped", stop_grace_period="120s") for handler in HANDLING}
    stack.up()
    for handler, coach in coaches.items():
        finished = assert_killed_whole(governor, coach, handler)
        assert finished.raw["outcome"] == "killed_by_governor"
        assert finished.rule == "hard_limit_near"
        (killed,) = governor.events(coach.name, "killed")
        assert killed.rule == "hard_limit_near"
        assert killed.raw["stop_handling"] == HANDLING[handler]
        assert ADVICE[handler] in killed.detail
    assert stack.guest.oom_kills() == kills_before, governor.timeline()
    assert governor.events(None, "oom_killed") == []


@pytest.mark.full
def test_that_stopped_leaking_is_killed_when_its_grace_ends(stack: Stack) -> None:
    kills_before = stack.guest.oom_kills()
    governor = start_governor(stack, POLICY)
    # Stands between the tripwire (205 MiB) and the hard limit: only the grace can end it.
    coaches = {handler: stack.worker(f"coach-{handler}",
                                     leaker("c", rate=50, base=150, stop_at=215, handler=handler, start_after=8),
                                     restart="unless-stopped", stop_grace_period="10s") for handler in HANDLING}
    stack.up()
    for handler, coach in coaches.items():
        finished = assert_killed_whole(governor, coach, handler)
        # Whoever of the two was first: Docker kills at the end of the grace, the governor a little later.
        assert finished.raw["outcome"] in ("killed_at_grace_end", "killed_by_governor"), governor.timeline(coach.name)
        assert all(event.rule == "grace_ended" for event in governor.events(coach.name, "killed"))
    assert stack.guest.oom_kills() == kills_before, governor.timeline()
    assert governor.events(None, "oom_killed") == []
