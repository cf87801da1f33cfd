# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The limit that binds may be one above the container, and reclaim gives back only what it can."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest
from scripted.daemon import BINARY
from scripted.host import MIB, write
from scripted.wait import until

POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    memory: { tripwire: 90% }
    near_oom: { brake: { docker_timeout: 2s } }
    restart: { backoff: { from: 1ms, to: 1ms }, breaker: { restarts: 50 } }
"""
GIB = 1 << 30
SWAP = {"memory_swap": 512 * MIB}


@pytest.fixture
def swap(host):
    """A host with 1 GiB of free swap."""
    host.meminfo(total=8 * GIB, available=6 * GIB, swap_total=GIB, swap_free=GIB)
    host.swaps(vda2=(GIB, 0))


def leak(coach, mib: int) -> None:
    coach.use(anon=mib * MIB)


def saved(daemon, coach, first) -> None:
    finished = daemon.wait("restart_finished", service="coach")
    assert finished.raw["outcome"] == "graceful", daemon.timeline()
    assert first.signals() == [signal.SIGTERM]
    assert not daemon.events("page_cache_churn"), daemon.timeline()


def test_free_swap_is_worth_something_where_it_can_be_used(host, start, swap):
    daemon = start(POLICY)
    coach = host.container(**SWAP)
    daemon.wait("armed", service="coach")
    leak(coach, 240)
    daemon.settle()
    assert daemon.status("coach")["unreclaimable"] in (0, None), daemon.timeline()
    assert not daemon.events("oom_near", "brake")


@pytest.mark.parametrize("why", ["swappiness", "slice", "slice_full", "own_full"])
def test_swap_that_reclaim_cannot_use_is_worth_nothing(host, start, swap, why):
    settings = dict(SWAP)
    if why == "swappiness":
        host.swappiness(0)
    elif why.startswith("slice"):
        above = host.slice("noswap.slice")
        above.set("memory.swap.max", 0 if why == "slice" else 64 * MIB)
        above.set("memory.swap.current", 64 * MIB if why == "slice_full" else 0)
        settings["cgroup_parent"] = "noswap.slice"
    daemon = start(POLICY)
    coach = host.container(start=False, **settings)
    if why == "own_full":
        coach.cgroup.set("memory.swap.current", 256 * MIB)
    host.engine.emit("start", coach)
    daemon.wait("armed", service="coach")
    first = coach.main
    leak(coach, 240)
    saved(daemon, coach, first)


def test_a_full_zram_device_is_worth_nothing(host, start):
    host.meminfo(total=8 * GIB, available=6 * GIB, swap_total=GIB, swap_free=GIB)
    host.swaps(zram0=(GIB, 0))
    write(host.sys / "block/zram0/mm_stat", f"0 0 {64 * MIB} {64 * MIB} 0 0 0 0 0\n")
    daemon = start(POLICY)
    coach = host.container(**SWAP)
    daemon.wait("armed", service="coach")
    first = coach.main
    leak(coach, 240)
    saved(daemon, coach, first)


def test_a_slice_with_less_memory_binds(host, start):
    host.slice("tight.slice", 200 * MIB)
    daemon = start(POLICY)
    coach = host.container(memory=400 * MIB, cgroup_parent="tight.slice", using={"anon": 100 * MIB})
    daemon.wait("armed", service="coach")
    leak(coach, 150)
    tripwire = until(lambda: int(coach.cgroup.get("memory.high")) < 300 * MIB and coach.cgroup.get("memory.high"), "the tripwire")
    assert abs(int(tripwire) - 180 * MIB) < 3 * MIB, tripwire
    row = daemon.status("coach")
    assert row["bound_by"] == "tight.slice" and abs(row["limit"] - 200 * MIB) < 2 * MIB, row
    assert "tight.slice" in daemon.command("status").stdout
    assert "tight.slice" in daemon.command("explain", "coach").stdout
    first = coach.main
    leak(coach, 185)
    near = daemon.wait("oom_near", service="coach")
    assert near.raw["memory"]["bound_by"] == "tight.slice", near
    saved(daemon, coach, first)


def test_a_limit_that_is_raised_lets_the_own_one_bind_again(host, start):
    tight = host.slice("tight.slice", 300 * MIB)
    daemon = start(POLICY)
    coach = host.container(memory=400 * MIB, cgroup_parent="tight.slice", using={"anon": 250 * MIB})
    daemon.wait("armed", service="coach")
    until(lambda: daemon.status("coach")["bound_by"] == "tight.slice", "the slice to bind", about=daemon.timeline)
    tight.set("memory.max", "max")
    until(lambda: daemon.status("coach")["bound_by"] is None, "the own limit to bind", about=daemon.timeline)
    until(lambda: int(coach.cgroup.get("memory.high")) > 350 * MIB, "the tripwire to follow")
    assert not daemon.events("oom_near")


ONE = "{{ match: {{ service: {0} }}, priority: {1}, memory: {{ tripwire: 90% }}, near_oom: {{ brake: {{ docker_timeout: 2s }} }} }}"


def shared_policy(second: int) -> str:
    return f"version: 1\nservices:\n  first: {ONE.format('first', 10)}\n  second: {ONE.format('second', second)}\n"


@pytest.mark.parametrize(("priority", "grows", "victim"), [(20, "second", "first"), (20, "first", "first"), (10, "second", "second")])
def test_of_two_below_one_limit_the_lower_priority_gives_way(host, start, priority, grows, victim):
    host.slice("tight.slice", 400 * MIB)
    daemon = start(shared_policy(priority))
    both = {name: host.container(name, memory=400 * MIB, cgroup_parent="tight.slice", using={"anon": 160 * MIB})
            for name in ("first", "second")}
    for name in both:
        daemon.wait("armed", service=name)
    mains = {name: container.main for name, container in both.items()}
    both[victim].initial_memory = {"anon": 20 * MIB}
    for mib in (190, 200, 210, 218):
        leak(both[grows], mib)
        daemon.settle(f"marker{mib}")
    finished = daemon.wait("restart_finished", service=victim)
    assert finished.raw["outcome"] == "graceful", daemon.timeline()
    other = "first" if victim == "second" else "second"
    assert both[other].main is mains[other] and mains[other].signals() == [], daemon.timeline()
    if grows != victim:
        gave_way = daemon.wait("give_way", service=victim)
        assert gave_way.rule == "shared_limit" and gave_way.raw["memory"]["bound_by"] == "tight.slice", gave_way


def test_reserved_huge_pages_are_no_memory_to_promise(host, tmp_path):
    host.meminfo(total=16 * GIB, available=6 * GIB, hugetlb=10 * GIB)
    policy = tmp_path / "reserve.yaml"
    policy.write_text("version: 1\nservices:\n  db: { match: { service: db }, reserve: { min: 8GiB } }\n")
    done = subprocess.run([BINARY, "check", "--host", "--proc", host.proc, "--json", policy], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1, done.stdout
    assert json.loads(done.stdout)["ledger"]["host"] == 6 * GIB, done.stdout


def test_the_daemon_refuses_what_huge_pages_leave_no_room_for(host, start):
    host.meminfo(total=16 * GIB, available=6 * GIB, hugetlb=10 * GIB)
    daemon = start("version: 1\nservices:\n  db: { match: { service: db }, reserve: { min: 8GiB } }\n", wait=False)
    assert daemon.process.wait(20) == 1
    assert "cannot keep what the policies promise" in daemon.errors()
