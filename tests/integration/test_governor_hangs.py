# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The governor is stopped (SIGSTOP) in the middle of its work: its guardian releases the brake when the lease is over, and a governor that
goes on sends no second stop signal."""

from __future__ import annotations

import pytest

from governed import FINISH, Daemon, Striker, fast_leak, finish, go, policy, start_coach, start_governor
from testbed.stack import Service, Stack

LEASE = 10  # seconds, governor/act/guardian_protocol.hpp


def start(stack: Stack, shape: str) -> tuple[Service, Daemon]:
    """A coach whose stop handler lasts until finish(); see test_governor_dies.py for the sizes."""
    several = shape == "procs4"
    daemon = start_governor(stack, policy(hard=768 if several else 256))
    work = fast_leak(shape=shape, base=640 if several else 150, save_when=FINISH)
    return start_coach(stack, daemon, work, stop_grace_period="180s"), daemon


@pytest.mark.parametrize(("step", "shape", "saved"), [
    ("frozen", "single", 1),
    ("signalled", "procs4", 4),
    pytest.param("draining", "single", 1, marks=pytest.mark.full),
])
def test_stopped_at_each_step(stack: Stack, step: str, shape: str, saved: int) -> None:
    coach, daemon = start(stack, shape)
    pid = daemon.service.pid
    striker = Striker(coach, pid, step, signal="SIGSTOP", after=LEASE + 6)
    go(coach)
    strike = striker.result()
    slack = strike.gap / 1e9
    assert all(seconds - slack < LEASE + 4 for seconds in strike.frozen_after_death().values()), strike
    stack.guest.run(["kill", "-CONT", str(pid)])
    daemon.wait("signalled", service="coach")
    finish(coach)
    assert coach.wait_exit() == 0
    coach.wait_event("start", count=2)
    done = daemon.wait("restart_finished", service="coach")
    assert done["outcome"] == "graceful", done
    assert len(coach.saved_files()) == saved
    assert coach.oom_kills() == 0 and coach.restarts == 1
    assert daemon.events("killed", "oom_killed") == []
