# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A leak in a pool of processes costs no request: the process that leaks ends, and the container goes on.

Real servers from Debian's packages under a constant load (testbed/pools.py); what no real server does is done by apps/pools/prefork.py.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from recycling import TRIPWIRE, children, guarded, policy
from testbed.pools import POOLS, WORKERS, prefork
from testbed.stack import Stack

MIB = 1 << 20
#: What is not in the usual set: the same scenario with the other servers (--full).
USUAL = ("gunicorn-gthread-hook", "celery")
#: gunicorn's gthread without the hook drops a connection at its stop now and then (docs/pools.md): it is measured, not required.
SERVERS = [pytest.param(name, id=name, marks=[] if name in USUAL else [pytest.mark.full]) for name in POOLS if name != "gunicorn-gthread"]
#: What a pool holds before the leak: interpreters differ.
LIMITS = {"node": 384, "uvicorn": 384, "celery": 320, "puma": 320}


@pytest.mark.parametrize("name", SERVERS)
def test_a_leak_costs_no_request(stack: Stack, name: str) -> None:
    pool = POOLS[name]
    # Apache's parent starts a child when fewer than MinSpareServers are idle: that may be later.
    respawn = {"respawn": "not_expected"} if name == "apache" else {}
    run = guarded(stack, pool, policy(signal=pool.signal, **respawn), limit=LIMITS.get(name, 256))
    run.wait("recycled", count=2, timeout=360)
    run.assert_nothing_lost()
    recycled = run.governor.events("pool", "recycled")
    assert {event.raw["outcome"] for event in recycled} == {"graceful"}, run.governor.timeline("pool")
    run.assert_never_restarted()
    run.assert_no_oom_kill()
    if name != "apache":
        run.assert_pool_complete()


@pytest.mark.full
def test_a_task_that_is_cut_off_is_run_again(stack: Stack) -> None:
    """celery without the handler of apps/pools/tasks.py: acks_late and reject_on_worker_lost keep the task whose process ended."""
    pool = replace(POOLS["celery"], environment={"GRACEFUL": "0", "WORK_SECONDS": "1"})
    run = guarded(stack, pool, policy(), limit=LIMITS["celery"], leak_mib=4)
    run.wait("recycled", timeout=360)
    counts = run.load.stop()
    assert (counts["lost"], counts["waiting"], counts["twice"]) == (0, 0, 0), f"{counts}\n{run.governor.timeline('pool')}"
    assert counts["again"] >= 1, counts  # every process was busy
    run.assert_never_restarted()


def test_auto_recycles_a_pool(stack: Stack) -> None:
    run = guarded(stack, POOLS["php-fpm"], policy("auto", signal="QUIT"))
    run.wait("recycled")
    run.assert_nothing_lost()
    run.assert_never_restarted()
    near = run.governor.events("pool", "oom_near")[0]
    holders = near.raw["holders"]
    assert 1 < len(holders) <= 5
    assert [one["bytes"] for one in holders] == sorted((one["bytes"] for one in holders), reverse=True)


def test_the_largest_child_is_ended_and_its_siblings_stay(stack: Stack) -> None:
    """One child leaks, three do not: only that one gets the signal."""
    run = guarded(stack, prefork("--leak", "first", "--mib", "4"), policy())
    before = set(children(run.service))
    recycled = run.wait("recycled")
    run.assert_never_restarted()
    run.assert_pool_complete()
    gone = before - set(children(run.service))
    assert gone == {recycled.raw["process"]["pid"]}, run.governor.timeline("pool")


@pytest.mark.full
def test_several_children_leak_alike(stack: Stack) -> None:
    """The end of one frees a part only. Each is ended in its turn, and no request is refused."""
    run = guarded(stack, prefork("--workers", "8"), policy(every="1ms"))
    run.wait("recycled", count=4, timeout=400)
    run.assert_nothing_lost()
    run.assert_never_restarted()
    run.assert_no_oom_kill()
    run.assert_pool_complete()
    assert run.children == 8


def test_a_parent_that_replaces_nothing_is_restarted(stack: Stack) -> None:
    run = guarded(stack, prefork("--respawn", "no"), policy(respawn="10s"))
    failed = run.wait("recycle_failed")
    run.load.stop()  # it leaks no further after its restart
    assert failed.rule == "not_respawned", run.governor.timeline("pool")
    finished = run.wait("restart_finished")
    assert finished.raw["outcome"] == "graceful", run.governor.timeline("pool")
    run.assert_no_oom_kill()
    run.assert_pool_complete()


def test_a_child_that_ignores_its_signal_is_killed_alone(stack: Stack) -> None:
    # A grace that ends long before the child, which leaks on, comes to the kill line.
    run = guarded(stack, prefork("--leak", "first", "--mib", "4", "--on-term", "ignore"), policy(grace="1s"))
    recycled = run.wait("recycled")
    assert (recycled.raw["outcome"], recycled.rule) == ("killed_by_governor", "grace_ended"), run.governor.timeline("pool")
    # Its memory is free: less than the tripwire is left.
    used = run.service.counters("memory.stat")["anon"]
    assert used < 256 * MIB * TRIPWIRE // 100, run.governor.timeline("pool")
    run.assert_no_oom_kill()
    found = run.service.inspect()
    assert found["State"]["StartedAt"] == run.started
    run.assert_pool_complete()


@pytest.mark.full
@pytest.mark.parametrize("leak, rule", [("shared", "shared_memory"), ("parent", "parent_holds")])
def test_what_no_child_holds_restarts_the_container(stack: Stack, leak: str, rule: str) -> None:
    """A leak in shared memory, or in the pool's parent: the end of a child would free nothing."""
    run = guarded(stack, prefork("--leak", leak), policy())
    failed = run.wait("recycle_failed")
    run.load.stop()
    assert failed.rule == rule, run.governor.timeline("pool")
    finished = run.wait("restart_finished")
    assert finished.raw["outcome"] == "graceful", run.governor.timeline("pool")
    assert "recycling" not in run.types(), run.governor.timeline("pool")
    run.assert_no_oom_kill()
    assert len(children(run.service)) <= WORKERS
