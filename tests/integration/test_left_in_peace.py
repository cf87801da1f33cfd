# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What looks full and is healthy is left in peace: page cache at the limit, and a large heap that does not grow."""

from __future__ import annotations

import shlex

import pytest
from testbed.guest import Guest
from testbed.stack import Stack
from testbed.told import start_governor
from testbed.workers import cache_churn, leaker

MIB = 1 << 20
LIMIT = 256 * MIB
# Its seconds; --full takes the three minutes that a benchmark of peers has, too.
USUAL, THOROUGH = 30, 180

POLICY = """
version: 1
services:
  worker:
    match: { service: [churner, heap] }
    memory: { tripwire: 90% }
    near_oom:
      do: graceful_restart
      brake: { docker_timeout: 20s, hold_timeout: 3s }
"""

# The kernel tells each change of `frozen` and `populated`: none is missed, as looking now and then would.
WATCH_FOR_CHANGES = """
import select, sys, time
end = time.monotonic() + float(sys.argv[1])
held = [open(path) for path in sys.argv[2:]]
watched = select.poll()
for file in held:
    file.read()
    watched.register(file, select.POLLPRI)
while (left := end - time.monotonic()) > 0:
    for fd, _ in watched.poll(left * 1000):
        for file in held:
            if file.fileno() == fd:
                file.seek(0)
                print(file.name, file.read().split(), flush=True)
"""


def changes(guest: Guest, cgroups: list[str], seconds: float) -> str:
    """Everything that froze, thawed or emptied in that time."""
    paths = " ".join(f"{cgroup}/cgroup.events" for cgroup in cgroups)
    return guest.run(f"python3 -I -S -c {shlex.quote(WATCH_FOR_CHANGES)} {seconds} {paths}", timeout=seconds + 60).out


def test_cache_at_the_limit_and_a_steady_heap(stack: Stack, request: pytest.FixtureRequest) -> None:
    watched = THOROUGH if request.config.getoption("--full") else USUAL
    governor = start_governor(stack, POLICY)
    churner = stack.worker("churner", cache_churn(files=3, size=112), limit="256m", restart="unless-stopped")
    heap = stack.worker("heap", leaker("c", rate=0, base=217, stop_at=217), limit="256m", restart="unless-stopped")
    stack.up()
    for service in (churner, heap):
        governor.wait("armed", service.name)
    heap.wait_memory(216 * MIB)
    governor.wait("page_cache_churn", churner.name, timeout=240)
    started = {s.name: s.inspect()["State"]["StartedAt"] for s in (churner, heap)}
    churned = churner.logs().count("churned")

    assert changes(stack.guest, [churner.cgroup, heap.cgroup], watched) == "", governor.timeline()

    assert {s.name: s.inspect()["State"]["StartedAt"] for s in (churner, heap)} == started
    told = governor.events(None, "oom_near", "brake", "cap_frozen", "signalled", "killed", "oom_killed", "action_failed", "exited")
    assert told == [], governor.timeline()
    # They were what they were meant to be.
    cache, steady = churner.counters("memory.stat"), heap.counters("memory.stat")
    assert int(churner.read("memory.current") or 0) > LIMIT * 9 // 10
    assert cache["file"] > 4 * cache["anon"]
    assert LIMIT * 84 // 100 < steady["anon"] < LIMIT * 88 // 100
    # The cache was not throttled to a standstill, and the heap still has its tripwire.
    assert churner.logs().count("churned") > churned
    assert 0 <= LIMIT * 9 // 10 - int(heap.read("memory.high") or 0) < 4096
    assert len(governor.events(heap.name, "armed")) == 1
