# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Proves the test bed itself, without a governor: what it cannot show, no scenario can."""

from __future__ import annotations

import pytest

from testbed.guest import CGROUP, Guest
from testbed.stack import Service, Stack
from testbed.workers import cache_churn, leaker

MIB = 1 << 20
pytestmark = pytest.mark.once

# What the governor will do, by hand: the order is what saves the work (design: "freeze, SIGTERM, release, thaw").
BRAKE_BY_HAND = """
set -e
cd {cgroup}
echo $((200 * 1024 * 1024)) > memory.high
end=$(($(date +%s) + 60))
until grep -q '^high [1-9]' memory.events; do [ $(date +%s) -lt $end ]; sleep 0.02; done
echo 1 > cgroup.freeze
until grep -q 'frozen 1' cgroup.events; do [ $(date +%s) -lt $end ]; sleep 0.01; done
kill -TERM {pid}
echo max > memory.high
echo 0 > cgroup.freeze
"""


def brake_by_hand(worker: Service) -> None:
    worker.guest.run(BRAKE_BY_HAND.format(cgroup=worker.cgroup, pid=worker.pid), timeout=90)


def test_host_is_what_the_governor_needs(vm: Guest) -> None:
    assert "memory" in (vm.read(f"{CGROUP}/cgroup.controllers") or "").split()
    assert (vm.read("/proc/pressure/memory") or "").startswith("some ")
    assert vm.run("swapon --show --noheadings").out == ""
    info = vm.api("/info")
    assert isinstance(info, dict)
    assert (info["CgroupVersion"], info["CgroupDriver"]) == ("2", "systemd")
    system = vm.run("systemctl --failed --no-legend").out
    assert system.strip() == ""


# The bed itself shows with every scenario; this is for somebody who changes it.
FULL_ONLY = pytest.mark.full


@FULL_ONLY
@pytest.mark.parametrize("language", ["python", "c"])
def test_unguarded_leak_ends_in_an_oom_kill(stack: Stack, language: str) -> None:
    before = stack.guest.oom_kills()
    coach = stack.worker("coach", leaker(language, rate=0, start_after=0), limit="256m")
    stack.up()
    assert coach.wait_exit() == 137
    assert coach.oom_kills() == 1
    assert stack.guest.oom_kills() == before + 1
    assert coach.saved_files() == []


@FULL_ONLY
@pytest.mark.parametrize(("language", "rate"), [("python", 50), ("c", 50), ("python", 0), ("c", 0)])
def test_freeze_signal_release_thaw_saves_the_work(stack: Stack, language: str, rate: int) -> None:
    coach = stack.worker("coach", leaker(language, rate=rate, start_after=8, heartbeat=True), limit="256m")
    stack.up()
    coach.wait_running()
    brake_by_hand(coach)
    assert coach.wait_exit() == 0
    assert len(coach.saved_files()) == 1
    assert coach.oom_kills() == 0
    (beat,) = coach.heartbeats()
    assert 0 < beat.signal_ns < beat.saved_ns
    assert 150 * MIB < beat.bytes < 256 * MIB


@FULL_ONLY
def test_steady_worker_stays_and_stops_cleanly(stack: Stack) -> None:
    coach = stack.worker("coach", leaker("c", rate=0, base=32, start_after=0, stop_at=100, shape="procs4"))
    stack.up()
    coach.wait_memory(95 * MIB)
    assert coach.running
    stack.compose("stop", "coach")
    assert coach.wait_exit() == 0
    assert len(coach.saved_files()) == 4


@FULL_ONLY
def test_cache_fills_the_limit_without_harm(stack: Stack) -> None:
    churner = stack.worker("churner", cache_churn(files=3, size=64), limit="96m")
    stack.up()
    churner.wait_memory(90 * MIB)
    stat = churner.counters("memory.stat")
    assert stat["file"] > 4 * stat["anon"]
    assert churner.running
    assert churner.oom_kills() == 0


@FULL_ONLY
def test_databases_and_proxy_answer(stack: Stack) -> None:
    postgres, redis = stack.postgres(), stack.redis()
    proxy = stack.service("proxy", {"image": "testbed/nginx"})
    stack.up()
    postgres.wait_log("database system is ready to accept connections", timeout=120)
    assert postgres.exec("psql -U postgres -h 127.0.0.1 -Atc 'select 6*7'").out.strip() == "42"
    assert redis.exec("redis-cli ping").out.strip() == "PONG"
    # By name, over the project's network.
    assert "Welcome to nginx" in postgres.exec("curl -s --max-time 20 http://proxy/").out
    assert proxy.running
