# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""do: recycle, auto and hold: which process is ended, what the events say, and what happens instead."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator

import pytest
from scripted.pool import Pool
from scripted.wait import until

POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    memory: { hard: 256MiB, swap: 0, tripwire: 85%% }
    near_oom: { when: { unreclaimable: 85%% }, %s }
"""
RECYCLE = POLICY % "do: recycle"


@pytest.fixture
def pools() -> Iterator[Callable[..., Pool]]:
    made: list[Pool] = []

    def make(*arguments, **more) -> Pool:
        made.append(Pool(*arguments, **more))
        return made[-1]
    yield make
    for pool in made:
        pool.close()


def restarts(host) -> int:
    """How often Docker was asked for a restart."""
    return host.engine.count("POST", ".*/restart")


def outlook(daemon) -> dict:
    """What `explain` says would be done near OOM now."""
    return json.loads(daemon.command("explain", "--json", "coach", check=True).stdout)["outlook"]["near_oom"]


def leaking(host, start, pools, policy: str = RECYCLE, largest: int = 100, **more):
    """A daemon and a pool of three, of which the second leaks up to the threshold."""
    daemon = start(policy)
    coach = host.container()
    pool = pools(coach, [40, 60, 40], **more)
    coach.use(anon=100 << 20)
    daemon.wait("armed", service="coach")
    leaker = pool.children[1]
    leaker.holds(largest + 20)
    coach.use(anon=(largest + 120) << 20)
    return daemon, coach, pool, leaker


def test_the_leaking_child_ends_and_its_parent_replaces_it(host, start, pools) -> None:
    daemon, coach, pool, leaker = leaking(host, start, pools)
    event = daemon.wait("recycling", service="coach").raw
    assert event["process"]["pid"] == leaker.pid and event["process"]["comm"] == "worker"
    assert [one["pid"] for one in event["holders"]][0] == leaker.pid
    until(lambda: leaker.process.exit_code() is not None, "its end", about=daemon.timeline)
    assert leaker.process.signals() == [signal.SIGTERM]
    coach.use(anon=110 << 20)
    pool.gone(leaker)
    pool.add(20)
    done = daemon.wait("recycled", service="coach").raw
    assert done["outcome"] == "graceful" and done["process"]["pid"] == leaker.pid and done["freed"] == 110 << 20
    assert coach.main.exit_code() is None and coach.main.signals() == [], "PID 1 got no signal"
    assert all(child.process.signals() == [] for child in pool.children)
    assert not restarts(host)
    assert coach.cgroup.get("memory.high") == str((256 << 20) * 85 // 100), "the tripwire is back"
    assert not coach.frozen()


def test_the_others_are_frozen_only_until_it_has_its_signal(host, start, pools) -> None:
    """A child that takes its time: the container runs meanwhile, and the tripwire is out of its way."""
    daemon, coach, pool, leaker = leaking(host, start, pools, ends=())
    daemon.wait("recycling", service="coach")
    until(lambda: not coach.frozen(), "the thaw", about=daemon.timeline)
    until(lambda: int(coach.cgroup.get("memory.high")) > (256 << 20) * 97 // 100, "the room", about=daemon.timeline)
    assert not restarts(host)


def test_a_child_that_ignores_its_signal_is_killed_alone(host, start, pools) -> None:
    policy = POLICY % "do: recycle, recycle: { grace: 1s }"
    daemon, coach, pool, leaker = leaking(host, start, pools, policy, ends=())
    until(lambda: leaker.process.exit_code() == 128 + signal.SIGKILL, "the kill", about=daemon.timeline)
    coach.use(anon=110 << 20)
    pool.gone(leaker)
    pool.add(20)
    done = daemon.wait("recycled", service="coach").raw
    assert done["outcome"] == "killed_by_governor" and done["reason"]["rule"] == "grace_ended"
    assert coach.main.exit_code() is None and all(child.process.exit_code() is None for child in pool.children)


def restarted(daemon, host, reason: str) -> dict:
    failed = daemon.wait("recycle_failed", service="coach").raw
    assert failed["reason"]["rule"] == reason, failed
    finished = daemon.wait("restart_finished", service="coach").raw
    assert finished["outcome"] == "graceful"
    assert restarts(host)
    return failed


def test_a_parent_that_replaces_nothing_is_restarted(host, start, pools) -> None:
    policy = POLICY % "do: recycle, recycle: { respawn: 2s }"
    daemon, coach, pool, leaker = leaking(host, start, pools, policy)
    daemon.wait("recycling", service="coach")
    until(lambda: leaker.process.exit_code() is not None, "its end", about=daemon.timeline)
    coach.use(anon=110 << 20)
    pool.gone(leaker)
    restarted(daemon, host, "not_respawned")


def test_a_container_without_a_pool_restarts_and_says_why(host, start) -> None:
    daemon = start(RECYCLE)
    coach = host.container()
    daemon.wait("armed", service="coach")
    coach.use(anon=225 << 20)
    near = daemon.wait("oom_near", service="coach").raw
    assert near["holders"][0]["pid"] == coach.main.pid if "holders" in near else True
    restarted(daemon, host, "no_pool")


def test_memory_that_no_process_holds_alone_means_a_restart(host, start, pools) -> None:
    daemon = start(RECYCLE)
    coach = host.container()
    pools(coach, [20, 30, 20])
    coach.use(anon=100 << 20)
    daemon.wait("armed", service="coach")
    coach.use(anon=20 << 20, shmem=205 << 20, current=225 << 20)
    failed = restarted(daemon, host, "shared_memory")
    assert "holders" in failed


def test_named_processes_only(host, start, pools) -> None:
    policy = POLICY % 'do: recycle, recycle: { processes: ["*sidecar*"] }'
    daemon, coach, pool, leaker = leaking(host, start, pools, policy)
    restarted(daemon, host, "no_process_matches")


def test_the_holders_of_a_graceful_restart_are_in_its_events(host, start, pools) -> None:
    daemon, coach, pool, leaker = leaking(host, start, pools, POLICY % "do: graceful_restart")
    near = daemon.wait("oom_near", service="coach").raw
    assert near["holders"][0] | {"growth_per_s": 0} == {"pid": leaker.pid, "comm": "worker", "bytes": 120 << 20, "growth_per_s": 0,
                                                        "permille": near["holders"][0]["permille"]}
    finished = daemon.wait("restart_finished", service="coach").raw
    assert finished["holders"][0]["pid"] == leaker.pid


@pytest.mark.parametrize(("mib", "action", "words"), [([20, 60, 20], "recycle", "process {largest}"),
                                                      ([20, 30, 20], "graceful_restart", "shared"),
                                                      ([], "graceful_restart", "no pool")])
def test_explain_says_which_it_would_be(host, start, pools, mib: list[int], action: str, words: str) -> None:
    daemon = start(POLICY % "do: auto")
    coach = host.container(using={"anon": 180 << 20})
    pool = pools(coach, mib)
    daemon.wait("armed", service="coach")
    until(lambda: daemon.status("coach")["unreclaimable"], "the first sample", about=daemon.timeline)
    now = outlook(daemon)
    assert now["action"] == action and words.format(largest=pool.children[1].pid if mib else 0) in now["text"]


def test_a_hold_lasts_until_it_is_released(host, start, pools) -> None:
    daemon, coach, pool, leaker = leaking(host, start, pools, POLICY % "do: hold")
    held = daemon.wait("held", service="coach").raw
    assert held["frozen"] and held["holders"][0]["pid"] == leaker.pid
    assert coach.frozen()
    daemon.settle()
    assert coach.frozen() and not restarts(host)
    daemon.command("release", "coach", check=True)
    assert daemon.wait("hold_released", service="coach").raw["reason"]["rule"] == "operator"
    until(lambda: not coach.frozen(), "the thaw", about=daemon.timeline)


def test_a_governor_that_ends_releases_what_it_held(host, start, pools) -> None:
    daemon, coach, pool, leaker = leaking(host, start, pools, POLICY % "do: hold")
    daemon.wait("held", service="coach")
    assert daemon.stop() == 0
    assert not coach.frozen()
