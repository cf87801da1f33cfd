# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The limit that a container meets first need not be its own, and swap helps only where the kernel would use it: the leak is saved
all the same. A governor that reads the container's own limits only sees each worker OOM-killed."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from conftest import Bed, SliceOf
from governed import fast_leak, go
from testbed import hosts
from testbed.guest import APPS, CGROUP, Guest
from testbed.hosts import MIB
from testbed.stack import Service, Stack
from testbed.told import Governor, start_governor
from testbed.wait import until
from testbed.workers import Leaker, leaker

DEFAULTS = """
version: 1
services:
  coach:
    match: { service: coach }
    near_oom: {}
"""
#: Time for an emulated machine to arm the worker before it leaks.
CALM = 8
#: At this rate the first request of the kernel takes longer than any scenario.
SLOW, SLOW_RATE = "/srv/slow", "1kb"


@pytest.fixture
def slow_disk(bed: Bed, vm: Guest) -> Iterator[str]:
    """A disk for blkio_config. A container may make most of its memory dirty without being throttled, and the kernel begins to write at
    once. The machine is discarded: what is still to be written would delay a later `sync` by minutes."""
    vm.run("echo 1 > /proc/sys/vm/dirty_background_ratio; echo 90 > /proc/sys/vm/dirty_ratio")
    yield hosts.second_disk(vm, SLOW)
    bed.discard()


def saved(governor: Governor, service: Service, kills: int) -> None:
    """One graceful restart, with the work on disk and no OOM kill. `kills` is guest.oom_kills() from before."""
    ends = until(lambda: governor.events(service.name, "restart_finished", "oom_killed", "oom_verdict"),
                 f"the restart of {service.name}", 240, pause=0.5)
    story, finished = governor.timeline(), ends[0]
    assert finished.type == "restart_finished", story
    assert (finished.raw["outcome"], finished.raw["exit_code"]) == ("graceful", 0), story
    assert len(service.saved_files()) >= 1, story
    assert service.oom_kills() == 0, story
    assert service.guest.oom_kills() == kills, story


def kills_in(guest: Guest, parent: str) -> int:
    """OOM kills below the slice."""
    return guest.counters(f"{CGROUP}/{parent}/memory.events")["oom_kill"]


def leaking(stack: Stack, limit: str, with_swap: str, **more: object) -> Service:
    work = leaker("c", rate=20, start_after=CALM)
    return stack.worker("coach", work, limit=limit, memswap_limit=with_swap, restart="unless-stopped", stop_grace_period="60s", **more)


# -- swap that the kernel would not use (A1, A2) -----------------------------------------------------
def test_free_swap_at_swappiness_zero(swap_host: Guest, stack: Stack) -> None:
    """The kernel swaps nothing out of a container at swappiness 0, however much swap is free."""
    governor = start_governor(stack, DEFAULTS)
    kills = stack.guest.oom_kills()
    coach = leaking(stack, "192m", "384m")
    with hosts.sysctl(stack.guest, "vm.swappiness", 0):
        stack.up()
        saved(governor, coach, kills)


# In `--full` only: the same decision with the limit one directory further up.
@pytest.mark.full
def test_a_slice_that_may_not_swap(swap_host: Guest, slice_of: SliceOf, stack: Stack) -> None:
    """An ancestor's swap limit counts as much as the container's own."""
    parent = slice_of("noswap.slice", MemorySwapMax="0")
    governor = start_governor(stack, DEFAULTS)
    coach = leaking(stack, "192m", "384m", cgroup_parent=parent)
    stack.up()
    saved(governor, coach, stack.guest.oom_kills())
    assert kills_in(stack.guest, parent) == 0, governor.timeline()


# -- a slice with less memory (A3) -------------------------------------------------------------------
TWO = """
version: 1
services:
  first:
    match: { service: first }
    priority: 10
    near_oom: {}
  second:
    match: { service: second }
    priority: 20
    near_oom: {}
"""
#: What the governor must not do to the service that goes on.
DISTURBED = ("oom_near", "give_way", "brake", "signalled", "killed", "oom_killed", "exited", "restart_finished")


def test_a_slice_with_less_memory(slice_of: SliceOf, stack: Stack) -> None:
    """The slice's limit is half of the container's own."""
    parent = slice_of("tight.slice", MemoryMax="200M")
    governor = start_governor(stack, DEFAULTS)
    coach = leaking(stack, "400m", "400m", cgroup_parent=parent)
    stack.up()
    governor.wait("armed", coach.name)
    saved(governor, coach, stack.guest.oom_kills())
    assert kills_in(stack.guest, parent) == 0, governor.timeline()
    near = governor.events(coach.name, "oom_near")[0].raw
    assert near["memory"]["bound_by"] == parent and near["memory"]["unreclaimable"] < 200 * MIB, near
    until(lambda: "bound by tight.slice" in stack.cli("explain", coach.name).out, "the slice to bind the next life too", 60, pause=2)


def pair(stack: Stack, parent: str, first: Leaker, second: Leaker) -> tuple[Service, Service]:
    """Two services below one slice, neither of which can reach a limit of its own; armed, but not leaking yet."""
    both = [stack.worker(name, work, limit="400m", restart="unless-stopped", stop_grace_period="60s", cgroup_parent=parent)
            for name, work in (("first", first), ("second", second))]
    stack.up()
    return both[0], both[1]


def only_first_gives_way(stack: Stack, parent: str, first: Leaker, second: Leaker, held: int) -> None:
    """`held` is what `second` uses before `first` begins."""
    governor = start_governor(stack, TWO)
    low, high = pair(stack, parent, first, second)
    for service in (low, high):
        governor.wait("armed", service.name)
    started = high.inspect()["State"]["StartedAt"]
    go(high)
    high.wait_memory(held)
    go(low)
    saved(governor, low, stack.guest.oom_kills())
    assert kills_in(stack.guest, parent) == 0, governor.timeline()
    assert high.inspect()["State"]["StartedAt"] == started, governor.timeline()
    assert governor.events(high.name, *DISTURBED) == [], governor.timeline()


def test_the_lower_priority_below_one_slice_gives_way(slice_of: SliceOf, stack: Stack) -> None:
    parent = slice_of("shared.slice", MemoryMax="300M")
    only_first_gives_way(stack, parent, fast_leak(base=60, rate=20), fast_leak(base=120, rate=0, stop_at=120), 120 * MIB)


# In `--full` only: the same decision from the other side.
@pytest.mark.full
def test_the_lower_priority_gives_way_though_the_other_grows(slice_of: SliceOf, stack: Stack) -> None:
    parent = slice_of("shared.slice", MemoryMax="300M")
    # `first` holds 130 MiB and stays there; `second` grows by 10 MiB/s to 190 MiB, which is too much for both.
    only_first_gives_way(stack, parent, fast_leak(base=130, rate=0, stop_at=130), fast_leak(base=40, rate=10, stop_at=190), 40 * MIB)


# -- dirty pages that cannot be written --------------------------------------------------------------
def dirty_then_leaking(stack: Stack, device: str, dirty: int) -> Service:
    """Once in each life, after go(): `dirty` MiB of dirty page cache on the slow disk, then a leak of anonymous memory."""
    # The governor needs some seconds to see that nothing is written.
    leak = leaker("c", rate=20, start_after=CALM)
    wait = "trap 'exit 0' TERM; until rm /out/go 2>/dev/null; do sleep 0.2; done"
    write = f"dd if=/dev/zero of=/slow/dirty bs=1M count={dirty} 2>/dev/null"
    work = Leaker(["sh", "-c", f"{wait}; {write}; exec {shlex.join(leak.command)}"])
    return stack.worker("coach", work, limit="192m", restart="unless-stopped", stop_grace_period="60s",
                        volumes=[f"{APPS}:{APPS}:ro", f"{stack.folder}/out/coach:/out", f"{SLOW}:/slow"],
                        blkio_config={"device_write_bps": [{"path": device, "rate": SLOW_RATE}]})


def unwritten(service: Service) -> int:
    stat = service.counters("memory.stat")
    return stat.get("file_dirty", 0) + stat.get("file_writeback", 0)


# In `--full` only: it costs a minute and a machine, and no other part of the host is needed for the decision.
@pytest.mark.full
def test_dirty_pages_on_a_stuck_disk(slow_disk: str, stack: Stack) -> None:
    """Half of the container is page cache that reclaim cannot free: it must be written first, and its disk takes nothing."""
    governor = start_governor(stack, DEFAULTS)
    coach = dirty_then_leaking(stack, slow_disk, dirty=90)
    stack.up()
    governor.wait("armed", coach.name)
    go(coach)
    until(lambda: unwritten(coach) > 60 * MIB, "page cache that is not written", 60)
    kills = stack.guest.oom_kills()
    # No more than this: the kernel lets a container with so many dirty pages write nothing (balance_dirty_pages), its stop handler
    # included, so that it is killed at the end of its grace. Without the governor it is OOM-killed, or stalls at its tripwire.
    finished = governor.wait("restart_finished", coach.name, timeout=240)
    assert finished.raw["outcome"] in ("graceful", "killed_at_grace_end", "killed_by_governor"), governor.timeline()
    assert finished.raw["drain_ms"] > 0 and coach.oom_kills() == 0 and stack.guest.oom_kills() == kills, governor.timeline()
    assert governor.events(coach.name, "page_cache_churn") == [], governor.timeline()
