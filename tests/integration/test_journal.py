# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The journal: what was told outlives a killed governor, and a disk that is full keeps nobody from acting."""

from __future__ import annotations

import json

import pytest
from governed import Daemon, graceful_restart, policy, start_coach, start_governor
from testbed.stack import GOVERNOR, Stack
from testbed.wait import until


def stored(stack: Stack, *words: str) -> list[dict]:
    """`governor events`; what the daemon keeps in memory is younger than its start, so older ones are the journal's."""
    return [json.loads(line) for line in stack.cli("events", "--json", *words).out.splitlines()]


def restarted(stack: Stack, daemon: Daemon, lives: int) -> None:
    stack.guest.run(["kill", "-9", str(daemon.service.pid)])
    daemon.wait("governor_started", count=lives)


def test_events_outlive_a_killed_governor(stack: Stack) -> None:
    daemon = start_governor(stack, policy())
    coach = start_coach(stack, daemon)
    done = graceful_restart(coach, daemon)
    restarted(stack, daemon, lives=2)
    restarted(stack, daemon, lives=3)
    daemon.wait("armed", count=4, service="coach")

    told = daemon.events()
    kept = stored(stack, "--after", "0")
    # One that was still on its way when it was killed may be missing, as long as nothing has come of it.
    missing = [event["type"] for event in told if event not in kept]
    assert len(missing) <= 2, missing
    assert done in kept
    ids = [event["id"] for event in told]
    assert ids == sorted(set(ids)), "an id was given twice, or did not grow"
    assert [event["id"] for event in kept] == sorted({event["id"] for event in kept})

    assert stored(stack, "--type", "restart_finished", "--service", "coach", "--since", "1h") == [done]
    assert stored(stack, "--type", "restart_finished", "--until", "1h") == []
    assert stored(stack, "--since", done["time"], "--type", "restart_finished") == [done]
    refused = stack.cli("events", "--since", "yesterday", check=False)
    assert refused.code == 2, refused
    assert "is not a time" in refused.err


@pytest.mark.full
def test_a_full_disk_stops_no_action(stack: Stack) -> None:
    state = f"{stack.folder}/state"
    stack.guest.run(f"mkdir -p {state} && mount -t tmpfs -o size=16m tmpfs {state}")
    try:
        daemon = start_governor(stack, policy())
        coach = start_coach(stack, daemon)
        stack.guest.run(f"dd if=/dev/zero of={state}/filler bs=4k 2>/dev/null; true")
        done = graceful_restart(coach, daemon)
        degraded = daemon.wait("journal_degraded")
        assert "disk is full" in degraded["detail"], degraded
        assert done in stored(stack), "memory has it"

        stack.guest.run(["rm", f"{state}/filler"])
        daemon.wait("journal_recovered", timeout=120)
        restarted(stack, daemon, lives=2)
        assert done in stored(stack, "--after", "0"), "it was stored when there was room"
        assert len(daemon.events("journal_degraded")) == 1
    finally:
        stack.compose("rm", "-s", "-f", GOVERNOR)
        until(lambda: stack.guest.run(["umount", state], check=False).code == 0, "the state to be unmounted", 30)
