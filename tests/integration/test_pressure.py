# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A condition on `pressure`, with the kernel's own figures: tasks that stall far from any leak are told of, and left running."""

from __future__ import annotations

from testbed.guest import Guest
from testbed.stack import GOVERNOR, Stack
from testbed.told import start_governor
from testbed.wait import until
from testbed.workers import cache_churn

POLICY = """
version: 1
services:
  churner:
    match: { service: churner }
    near_oom:
      when: { any: [ { pressure: { some: 5% } } ] }
      do: notify
"""


def triggers(guest: Guest, pid: int) -> int:
    """Files named memory.pressure that are open for writing: a trigger lives as long as its descriptor. Reading needs none."""
    return int(guest.run(f"cd /proc/{pid}/fd; for fd in *; do case $(readlink $fd) in */memory.pressure) "
                         f"grep -q '^flags:.*2$' ../fdinfo/$fd && echo $fd;; esac; done | wc -l").out)


def test_stalled_tasks_are_told_of(stack: Stack) -> None:
    governor = start_governor(stack, POLICY)
    churner = stack.worker("churner", cache_churn(files=3, size=112), limit="256m", restart="unless-stopped")
    stack.up()
    governor.wait("armed", churner.name)
    daemon = stack.services[GOVERNOR]
    assert triggers(stack.guest, daemon.pid) == 1
    told = governor.wait("oom_near", churner.name, timeout=240)
    assert told.rule == "pressure"
    # The kernel's word is waited for again, and nothing is done to it.
    churned = churner.logs().count("churned")
    until(lambda: churner.logs().count("churned") > churned, "it to go on", 240, pause=2)
    assert churner.restarts == 0
    assert triggers(stack.guest, daemon.pid) == 1
