# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The governor's own end, its hanging, and the numbers of processes that are gone."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from scripted.host import MIB
from scripted.wait import until

POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    memory: { hard: 256MiB, swap: 0, tripwire: 90%% }
    near_oom: { brake: { docker_timeout: %s } }
"""
SOON, LATE = POLICY % "5s", POLICY % "1m"
#: The lease is 10 s (governor/act/guardian_protocol.hpp), and the machine may be busy.
LEASE = 40


def braked(host, start, policy: str = LATE):
    """A daemon whose coach is frozen, and that waits for a Docker that hangs. The main process survives its stop signal."""
    daemon = start(policy)
    coach = host.container(ends=())
    daemon.wait("armed", service="coach")
    host.engine.hang("POST .*/restart")
    coach.cgroup.memory(anon=240 * MIB)
    until(coach.frozen, "the brake", about=daemon.timeline)
    return daemon, coach


def children_of(pid: int) -> list[int]:
    """The daemon's children: its guardian only."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def waits(pid: int) -> bool:
    """Whether the process sleeps in a system call."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "S"


@contextmanager
def held_up(pid: int) -> Iterator[None]:
    """Stopped; it goes on afterwards, if it is still there: it holds the daemon's standard output."""
    process = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(process, signal.SIGSTOP)
        yield
    finally:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGCONT)
        os.close(process)


# ---- D1: processes are held, not numbers


@pytest.mark.parametrize("end", ["die", "destroy"])
def test_the_next_process_with_the_number_gets_no_signal(host, start, end: str) -> None:
    """The container ends in the middle of its brake, and its number goes to another process, which is not the container's."""
    daemon, coach = braked(host, start)
    other = coach.main
    coach.cgroup.set("cgroup.procs", "")
    host.add_process(other.pid, "/system.slice/other.service")
    coach.cgroup.set("cgroup.freeze", 0)  # the kernel's: another process was never frozen
    host.engine.hang("POST .*/start")
    if end == "destroy":
        with host.engine.lock:
            host.engine.containers.pop(coach.id)
    host.engine.emit(end, coach, **({"exitCode": "137"} if end == "die" else {}))
    daemon.settle()
    assert daemon.stop() == 0, daemon.errors()
    assert other.exit_code() is None and other.signals() == []


# ---- D2: a governor that hangs


def test_a_stopped_governor_leaves_nothing_frozen_and_sends_no_second_signal(host, start) -> None:
    daemon, coach = braked(host, start, SOON)
    daemon.signal(signal.SIGSTOP)
    until(lambda: coach.main.signals() == [signal.SIGTERM], "the guardian's signal", LEASE, about=daemon.timeline)
    # The guardian reports the release after it: it waits again once that is sent.
    guardian, = children_of(daemon.process.pid)
    until(lambda: waits(guardian), "the guardian's report", about=daemon.timeline)
    assert not coach.frozen() and coach.cgroup.get("memory.high") == "max"
    # All of its timers are overdue by now, docker_timeout among them.
    daemon.signal(signal.SIGCONT)
    lost = daemon.wait("brake_lost", service="coach")
    assert lost.rule == "lease" and lost.raw["via"] == "direct" and "frozen" not in lost.raw
    daemon.wait("signalled", service="coach")
    daemon.settle()
    assert daemon.events("docker_slow") == [] and daemon.events("signalled")[1:] == [], daemon.timeline()
    assert coach.main.signals() == [signal.SIGTERM], daemon.timeline()
    assert not coach.frozen()


def test_a_stopped_governor_that_is_killed_leaves_nothing_frozen(host, start) -> None:
    daemon, coach = braked(host, start)
    daemon.signal(signal.SIGSTOP)
    daemon.signal(signal.SIGKILL)
    until(lambda: coach.main.signals() == [signal.SIGTERM], "the guardian's signal", about=daemon.timeline)
    assert not coach.frozen()


def test_a_guardian_that_hangs_is_replaced(host, start) -> None:
    daemon, coach = braked(host, start)
    before, = children_of(daemon.process.pid)
    with held_up(before):
        until(lambda: before not in children_of(daemon.process.pid) and children_of(daemon.process.pid), "another guardian", LEASE, about=daemon.timeline)
    assert coach.main.signals() == [] and coach.frozen()
    daemon.signal(signal.SIGKILL)
    until(lambda: coach.main.signals() == [signal.SIGTERM], "the new guardian's signal", about=daemon.timeline)
    assert not coach.frozen()


# ---- SIGTERM ends it, whatever blocks


def test_sigterm_while_docker_hangs_at_the_start(host, start) -> None:
    host.engine.hang("GET /")
    daemon = start(LATE, wait=False)
    until(lambda: host.engine.requests, "the first request")
    assert daemon.stop(timeout=10) == 0, daemon.errors()
    assert daemon.events() == []


def test_sigterm_in_the_middle_of_a_brake(host, start) -> None:
    daemon, coach = braked(host, start)
    assert daemon.stop(timeout=10) == 0, daemon.errors()
    assert not coach.frozen() and coach.cgroup.get("memory.high") == "max"
    until(lambda: coach.main.signals() == [signal.SIGTERM], "its stop signal")


def hold_main_thread(pid: int) -> None:
    """The main thread alone is stopped, as by a kernel that does not answer; a blocking read would end with EINTR at the signal."""
    seize, interrupt, wall = 0x4206, 0x4207, 0x40000000  # linux/ptrace.h, linux/wait.h
    libc = ctypes.CDLL(None, use_errno=True)
    for request in (seize, interrupt):
        assert libc.ptrace(request, pid, None, None) == 0, os.strerror(ctypes.get_errno())
    assert os.waitpid(pid, wall)[0] == pid


def test_sigterm_while_the_loop_blocks(host, start) -> None:
    daemon, coach = braked(host, start)
    hold_main_thread(daemon.process.pid)
    assert daemon.stop(timeout=10) == 1
    assert "the event loop did not end in time" in daemon.errors()
    until(lambda: coach.main.signals() == [signal.SIGTERM], "the guardian's signal")
    assert not coach.frozen()


def test_sigterm_while_the_guardian_hangs(host, start) -> None:
    daemon = start(LATE)
    guardian, = children_of(daemon.process.pid)
    with held_up(guardian):
        assert daemon.stop(timeout=10) == 1
        assert "did not end in time" in daemon.errors()


# ---- the service manager


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        yield listening


def heard(manager: socket.socket, wanted: str) -> list[str]:
    """All states up to and including the wanted one."""
    states: list[str] = []
    while not states or wanted not in states[-1].split("\n"):
        states.append(manager.recv(4096).decode())
    return states


def test_it_is_ready_when_what_runs_is_governed(host, start, manager: socket.socket) -> None:
    host.container()
    host.engine.hang("GET /containers/.*/json")
    daemon = start(LATE, env={"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "100000"})
    until(lambda: host.engine.count("GET", "/containers/.*/json"), "the inspect")
    before = heard(manager, "WATCHDOG=1") + heard(manager, "WATCHDOG=1")
    assert not any("READY=1" in state for state in before)
    host.engine.answer_again()
    heard(manager, "READY=1")
    ready = time.monotonic_ns()
    assert daemon.wait("armed", service="coach").raw["monotonic_ns"] < ready
    daemon.signal(signal.SIGHUP)
    heard(manager, "RELOADING=1")
    heard(manager, "READY=1")
    assert daemon.stop() == 0
    heard(manager, "STOPPING=1")

