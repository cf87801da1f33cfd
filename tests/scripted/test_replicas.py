# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Replicas that restart one at a time, containers that restart with another one, and where the time of a restart goes."""

from __future__ import annotations

import signal

from scripted.host import MIB
from scripted.wait import until

TERM, USR1 = signal.SIGTERM, signal.SIGUSR1
POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    memory: { hard: 256MiB, swap: 0, tripwire: 90% }
    near_oom: { loan: 16MiB, brake: { docker_timeout: 4s } }
    restart: { backoff: { from: 1ms, to: 1ms }, breaker: { restarts: 50 } }
"""
FOLLOWED = POLICY + "    restart_with: { services: [web], joined_namespaces: true }\n"
HARD, RAISED = 256 * MIB, 272 * MIB


def replicas(host, daemon):
    """The first drains until USR1, the second ends at once. Both are armed and far from their limit."""
    first = host.container(handled=(TERM, USR1), ends=(USR1,), memory_swap=HARD)
    second = host.container(memory_swap=HARD, labels={"com.docker.compose.container-number": "2"})
    second.name = "shop-coach-2"
    until(lambda: len(daemon.events("armed", service="coach")) >= 2, "both replicas", about=daemon.timeline)
    return first, second


def of(daemon, kind: str, container) -> list:
    return [e for e in daemon.events(kind) if e.raw["container"]["id"] == container.id]


def wait_for(daemon, kind: str, container, count: int = 1):
    return until(lambda: of(daemon, kind, container)[count - 1:], f"{kind} number {count} of {container.name}", about=daemon.timeline)[0]


def limit(container) -> str:
    return container.cgroup.get("memory.max")


def away_and_borrowing(host, daemon):
    first, second = replicas(host, daemon)
    first.use(anon=240 * MIB)
    wait_for(daemon, "signalled", first)
    second.use(anon=240 * MIB)
    return first, second


def test_the_second_of_two_that_leak_borrows_until_the_first_is_back(host, start):
    daemon = start(POLICY)
    first, second = away_and_borrowing(host, daemon)
    granted = wait_for(daemon, "loan_granted", second)
    assert granted.rule == "replica_away"
    assert granted.raw["memory"]["hard"] == RAISED
    assert limit(second) == str(RAISED)
    assert second.settings.memory_swap == RAISED, "no swap, as before"
    until(lambda: second.cgroup.get("memory.high") == str(RAISED * 9 // 10), "the tripwire of the raised limit", about=daemon.timeline)
    daemon.settle()
    assert not second.frozen() and not of(daemon, "signalled", second), daemon.timeline()
    assert limit(second) == str(RAISED), "the governor does not fight its own loan"
    assert not daemon.events("drift_repaired"), daemon.timeline()

    first.main.send(USR1)
    wait_for(daemon, "restart_finished", first)
    wait_for(daemon, "restart_finished", second)
    wait_for(daemon, "loan_repaid", second)
    assert limit(second) == str(HARD)
    order = [(e.type, e.raw["container"]["id"]) for e in daemon.events("restart_finished", "signalled")]
    assert order.index(("restart_finished", first.id)) < order.index(("signalled", second.id)), "never both away"


def test_memory_that_fits_again_is_paid_back_without_a_restart(host, start):
    daemon = start(POLICY)
    first, second = away_and_borrowing(host, daemon)
    wait_for(daemon, "loan_granted", second)
    second.use(anon=100 * MIB)
    first.main.send(USR1)
    wait_for(daemon, "loan_repaid", second)
    until(lambda: limit(second) == str(HARD), "the limit", about=daemon.timeline)
    assert not of(daemon, "signalled", second)


def test_a_docker_that_hangs_does_not_hold_the_second_up(host, start):
    daemon = start(POLICY)
    first, second = replicas(host, daemon)
    first.use(anon=240 * MIB)
    wait_for(daemon, "signalled", first)
    host.engine.hang(r"POST .*/update")
    second.use(anon=240 * MIB)
    until(second.frozen, "the brake: nothing grows while Docker is asked", about=daemon.timeline)
    wait_for(daemon, "restart_finished", second)
    assert of(daemon, "action_failed", second) and not daemon.events("loan_granted"), daemon.timeline()
    host.engine.answer_again()
    first.main.send(USR1)


def test_a_docker_that_refuses_and_a_host_without_room_cost_nothing(host, start):
    daemon = start(POLICY)
    first, second = replicas(host, daemon)
    first.use(anon=240 * MIB)
    wait_for(daemon, "signalled", first)
    host.engine.fail(r"POST .*/update", 500, "no")
    second.use(anon=240 * MIB)
    wait_for(daemon, "restart_finished", second)
    host.meminfo(total=8 << 30, available=8 * MIB)
    second.use(anon=240 * MIB)
    wait_for(daemon, "restart_finished", second, count=2)
    details = [e.detail for e in of(daemon, "action_failed", second)]
    assert len(details) == 2 and "available" in details[1], daemon.timeline()
    first.main.send(USR1)


def test_a_governor_that_is_killed_with_a_loan_leaves_it_to_the_next(host, start):
    daemon = start(POLICY)
    first, second = away_and_borrowing(host, daemon)
    wait_for(daemon, "loan_granted", second)
    daemon.signal(signal.SIGKILL)
    daemon.process.wait()
    second.use(anon=100 * MIB)
    following = start(POLICY)
    wait_for(following, "armed", second)
    assert limit(second) == str(HARD)
    first.main.send(USR1)


def test_who_shares_its_network_namespace_restarts_after_it(host, start):
    daemon = start(FOLLOWED)
    coach = host.container()
    sidecar = host.container(service="sidecar", using={"anon": MIB}, network_mode=f"container:{coach.id}")
    other = host.container(service="postgres", using={"anon": MIB})
    for service in ("coach", "sidecar", "postgres"):
        daemon.wait("armed", service=service)
    before = sidecar.main
    coach.use(anon=240 * MIB)
    finished = daemon.wait("restart_finished", service="coach")
    assert f"{sidecar.name} (network)" in finished.detail, finished
    followed = daemon.wait("restarted_with", service="sidecar")
    assert followed.rule == "restart_with" and coach.name in followed.detail
    daemon.wait("armed", service="sidecar", count=2)
    assert before.signals() == [TERM] and sidecar.main is not before
    daemon.settle()
    assert not daemon.events("left_alone"), daemon.timeline()
    assert host.engine.count("POST", f"/{other.id}/restart") == 0
    assert len(daemon.events("restarted_with")) == 1


def test_two_that_name_each_other_end_after_one_round(host, start):
    daemon = start(FOLLOWED + POLICY.split("services:")[1].replace("coach", "web") + "    restart_with: { services: [coach] }\n")
    coach = host.container()
    web = host.container(service="web", using={"anon": MIB})
    daemon.wait("armed", service="coach")
    daemon.wait("armed", service="web")
    coach.use(anon=240 * MIB)
    daemon.wait("restart_finished", service="web")
    assert daemon.wait("restarted_with", service="web").rule == "restart_with"
    daemon.settle()
    assert len(daemon.events("restart_finished", service="coach")) == 1, daemon.timeline()
    assert daemon.status("web")["restarts_in_window"] == 0
    assert web.main.signals() == []


def test_where_the_time_of_a_restart_went(host, start):
    daemon = start(POLICY)
    coach = host.container()
    daemon.wait("armed", service="coach")
    coach.use(anon=240 * MIB)
    finished = daemon.wait("restart_finished", service="coach").raw
    assert set(finished["away"]) <= {"stop_ms", "docker_ms", "start_ms"} and finished["away"]
    assert sum(finished["away"].values()) <= finished["total_ms"]
    host.engine.emit("health_status: unhealthy", coach)
    host.engine.emit("health_status: healthy", coach)
    healthy = daemon.wait("available_again", service="coach").raw
    assert "healthy_ms" in healthy["away"]
    host.engine.emit("health_status: healthy", coach)
    daemon.settle()
    assert len(daemon.events("available_again")) == 1
