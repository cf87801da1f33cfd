# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What killed it? Every OOM kill is told once, with its container and its process; every end of a container has a verdict."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from testbed.guest import APPS, Guest
from testbed.stack import GOVERNOR, Service, Stack
from testbed.told import Governor, Told, start_governor
from testbed.wait import until
from testbed.workers import Leaker, script

# Only watched: whatever dies here dies of its own limits.
POLICY = """
version: 1
services:
  everything:
    match: { service: "*" }
    never: [freeze, restart, kill]
"""
# In 40 MiB, and not less: runc itself, still in the container's cgroup, was killed now and then with 15.
TOO_MUCH = f"{APPS}/leaker --rate 0 --start-after 0 --base"
GO = "until rm /out/go 2>/dev/null; do sleep 0.2; done"


def when_told(command: str) -> Leaker:
    """Runs as PID 1 and becomes the command after go(): the governor has found it by then."""
    return script(f"{GO}; exec {command}")


def go(service: Service, governor: Governor, lives: int = 1) -> None:
    governor.wait("armed", service.name, count=lives)
    service.guest.run(f"touch {service.out}/go")


def is_zombie(guest: Guest, pid: int) -> bool:
    return "State:\tZ" in (guest.read(f"/proc/{pid}/status") or "")


@contextmanager
def nobody_waits_for(service: Service) -> Iterator[int]:
    """What its PID 1 becomes when it ends stays to be looked at: Docker's shim, its parent, stands still meanwhile. Without that the
    shim may be faster than the governor on a busy machine, and then nothing tells `exit 137` from SIGKILL (docs/troubleshooting.md)."""
    pid = service.pid
    shim = re.search(r"PPid:\t(\d+)", service.guest.read(f"/proc/{pid}/status") or "")[1]
    assert "containerd-shim" in service.guest.run(["cat", f"/proc/{shim}/cmdline"]).out
    service.guest.run(["kill", "-STOP", shim])
    try:
        yield pid
    finally:
        service.guest.run(["kill", "-CONT", shim])


def verdict(governor: Governor, kind: str, service: Service, count: int = 1) -> Told:
    found = governor.wait(kind, service.name, count=count, timeout=180)
    assert len(governor.events(service.name, kind)) == count, governor.timeline(service.name)
    return found


def killed_by_kernel(guest: Guest) -> dict[int, str]:
    """The kernel's own account: which process it killed."""
    return {int(pid): comm for pid, comm in re.findall(r"Killed process (\d+) \((.*?)\) total-vm", guest.kernel_log())}


@pytest.mark.parametrize(("containers", "rounds"), [(4, 2), pytest.param(8, 10, marks=pytest.mark.full)])
def test_each_oom_kill_is_one_verdict(stack: Stack, containers: int, rounds: int) -> None:
    before = killed_by_kernel(stack.guest)
    kills_before = stack.guest.oom_kills()
    governor = start_governor(stack, POLICY)
    # Docker's own restarts: each dies at once, often before anybody has had a look at it.
    eaters = [stack.worker(f"eater-{n}", Leaker(shlex.split(f"{TOO_MUCH} 60")), limit="40m",
                           restart=f"on-failure:{rounds - 1}") for n in range(containers)]
    stack.up()
    for eater in eaters:
        eater.wait_event("die", rounds, timeout=600)
    for eater in eaters:
        governor.wait("oom_verdict", eater.name, count=rounds, timeout=60)
    assert stack.guest.oom_kills() - kills_before == containers * rounds

    told = governor.events(None, "oom_verdict")
    assert len(told) == containers * rounds, governor.timeline()
    killed = {pid: comm for pid, comm in killed_by_kernel(stack.guest).items() if pid not in before}
    assert {event.raw["victim"]["pid"]: event.raw["victim"]["comm"] for event in told} == killed
    log = stack.guest.kernel_log()
    for eater in eaters:
        mine = governor.events(eater.name, "oom_verdict")
        assert len(mine) == rounds, governor.timeline(eater.name)
        for event in mine:
            assert event.raw["verdict"] == "own_limit" and event.raw["victim"]["main"], event.raw
            assert event.raw["container"]["id"] == eater.id
        # Where the kernel named the container, it named the same one.
        named = {int(pid) for pid in re.findall(rf"task_memcg=\S*docker-{eater.id}\.scope,task=.*?,pid=(\d+)", log)}
        assert named <= {event.raw["victim"]["pid"] for event in mine}
        ends = governor.events(eater.name, "exited")
        assert [end.raw["verdict"] for end in ends] == ["own_limit"] * rounds, governor.timeline(eater.name)


@pytest.mark.parametrize("log", ["with the kernel's log", pytest.param("without it", marks=pytest.mark.full)])
def test_a_child_dies_and_its_container_lives(stack: Stack, log: str) -> None:
    blind = log == "without it"
    without: dict = {"devices": None, "cap_add": ["KILL", "SYS_RESOURCE", "IPC_LOCK"]} if blind else {}
    governor = start_governor(stack, POLICY, **without)
    parent = stack.worker("parent", script(f"while true; do {GO}; {TOO_MUCH} 60; done"), limit="40m")
    stack.up()
    go(parent, governor)
    told = verdict(governor, "oom_verdict", parent)
    assert told.raw["verdict"] == "own_limit"
    assert told.raw["docker_agrees"], "Docker's flag is up, though the container runs"
    assert parent.running
    if not blind:
        assert not told.raw["victim"]["main"] and told.raw["victim"]["comm"] == "leaker"
        assert told.raw["samples"]

        # While no governor runs: told once, by the next one.
        stack.compose("stop", GOVERNOR)
        parent.guest.run(f"touch {parent.out}/go")
        until(lambda: parent.counters("memory.events")["oom_kill"] == 2, "the second kill", 60)
        for starts in (2, 3):
            stack.compose("restart", GOVERNOR)
            governor.wait("armed", parent.name, count=starts)
            late = verdict(governor, "oom_verdict", parent, count=2)
            assert "not running" in late.detail and late.raw["victim"]["comm"] == "leaker"

    stack.guest.docker("kill", parent.container)
    end = verdict(governor, "exited", parent)
    assert end.raw["verdict"] == "sigkill_by_someone" and "docker_kill_event" in end.raw["evidence"], end.raw
    if blind:  # this governor has heard Docker tell of the child's
        assert end.raw["docker_agrees"] is False, "its State.OOMKilled is another death's"


def test_each_end_has_its_own_verdict(stack: Stack) -> None:
    governor = start_governor(stack, POLICY)
    segfault = stack.worker("segfault", when_told("python3 -I -S -c 'import ctypes; ctypes.string_at(0)'"))
    says_137 = stack.worker("says-137", script(f"{GO}; exit 137"))
    struck = stack.worker("struck", script("exec sleep 1000"))
    passes_on = stack.worker("passes-on", script(f"{GO}; {TOO_MUCH} 60; exit $?"), limit="40m")
    oom = stack.worker("oom", when_told(f"{TOO_MUCH} 60"), limit="40m")
    stack.up()
    for service in (segfault, passes_on, oom):
        go(service, governor)
    governor.wait("armed", says_137.name)
    with nobody_waits_for(says_137) as pid:
        go(says_137, governor)
        until(lambda: is_zombie(stack.guest, pid), "the end of says-137", 60)
        stack.cli("status")  # the governor's loop woke for the end before it answers this
    governor.wait("armed", struck.name)
    stack.guest.run(["kill", "-9", str(struck.pid)])

    def end_of(service: Service) -> dict:
        return verdict(governor, "exited", service).raw

    assert (end_of(segfault)["verdict"], end_of(segfault)["exit_code"]) == ("own_exit", 139)
    assert (end_of(says_137)["verdict"], end_of(says_137)["exit_code"]) == ("own_exit", 137), end_of(says_137)
    assert (end_of(struck)["verdict"], end_of(struck)["exit_code"]) == ("sigkill_by_someone", 137), end_of(struck)
    assert (end_of(passes_on)["verdict"], end_of(passes_on)["victim"]["main"]) == ("own_limit", False), end_of(passes_on)
    assert (end_of(oom)["verdict"], end_of(oom)["victim"]["main"]) == ("own_limit", True), end_of(oom)
    for service in (segfault, says_137, struck):
        assert governor.events(service.name, "oom_verdict") == []
        assert end_of(service)["docker_agrees"]


def test_an_ancestors_limit_is_named(stack: Stack) -> None:
    governor = start_governor(stack, POLICY)
    inside = stack.worker("inside", when_told(f"{TOO_MUCH} 80"), cgroup_parent="verdicts.slice")
    stack.up()
    stack.guest.run("systemctl set-property --runtime verdicts.slice MemoryMax=40M MemorySwapMax=0")
    go(inside, governor)
    told = verdict(governor, "oom_verdict", inside)
    assert told.raw["verdict"] == "ancestor_limit" and "/verdicts.slice" in told.detail, told.raw
    assert verdict(governor, "exited", inside).raw["verdict"] == "ancestor_limit"


@contextmanager
def little_memory(guest: Guest, left_mib: int) -> Iterator[None]:
    """Takes the guest's memory away as huge pages, which need not be touched."""
    available = int(re.search(r"MemAvailable:\s+(\d+) kB", guest.read("/proc/meminfo") or "")[1]) >> 10
    guest.run(f"echo 3 > /proc/sys/vm/drop_caches; echo {(available - left_mib) // 2} > /proc/sys/vm/nr_hugepages")
    try:
        yield
    finally:
        guest.run("echo 0 > /proc/sys/vm/nr_hugepages")


def test_the_hosts_own_shortage_is_not_the_containers(stack: Stack) -> None:
    governor = start_governor(stack, POLICY)
    eater = stack.worker("eater", when_told(f"{TOO_MUCH} 1500"), limit=None, oom_score_adj=1000)
    stack.up()
    governor.wait("armed", eater.name)
    with little_memory(stack.guest, left_mib=400):
        go(eater, governor)
        told = verdict(governor, "oom_verdict", eater)
        end = verdict(governor, "exited", eater)
    assert told.raw["verdict"] == "host_oom" and told.raw["victim"]["main"], told.raw
    assert told.raw["victim"]["oom_score_adj"] == 1000
    assert end.raw["verdict"] == "host_oom"
