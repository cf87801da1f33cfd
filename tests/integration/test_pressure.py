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


# A trigger is an open memory.pressure that an epoll instance waits for with EPOLLPRI (2): one that was told of and is not waited for
# again has no event left in its line. The instance may have two descriptors.
TRIGGERS = r"""
import os, re, sys
proc = f"/proc/{sys.argv[1]}"
links = {fd: os.readlink(f"{proc}/fd/{fd}") for fd in os.listdir(f"{proc}/fd")}
told = "".join(open(f"{proc}/fdinfo/{fd}").read() for fd, link in links.items() if link.endswith("[eventpoll]"))
waited = set(re.findall(r"tfd:\s*(\d+) events:\s*([0-9a-f]+)", told))
print(sum(links.get(fd, "").endswith("/memory.pressure") and bool(int(events, 16) & 2) for fd, events in waited))
"""


def triggers(guest: Guest, pid: int) -> int:
    """How many pressure triggers the process waits for."""
    return int(guest.run(["python3", "-I", "-S", "-c", TRIGGERS, str(pid)]).out)


def test_stalled_tasks_are_told_of(stack: Stack) -> None:
    governor = start_governor(stack, POLICY)
    churner = stack.worker("churner", cache_churn(files=3, size=112), limit="256m", restart="unless-stopped")
    stack.up()
    governor.wait("armed", churner.name)
    daemon = stack.services[GOVERNOR]
    until(lambda: triggers(stack.guest, daemon.pid) == 1, "a trigger", 60)
    told = governor.wait("oom_near", churner.name, timeout=240)
    assert told.rule == "pressure"
    # The kernel's word is waited for again, and nothing is done to it.
    churned = churner.logs().count("churned")
    until(lambda: churner.logs().count("churned") > churned, "it to go on", 240, pause=2)
    until(lambda: triggers(stack.guest, daemon.pid) == 1, "the trigger to be waited for again", 60)
    assert churner.restarts == 0
