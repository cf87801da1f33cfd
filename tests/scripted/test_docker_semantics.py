# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Docker's semantics: signals, stop timeouts, names, networks and shared namespaces."""

from __future__ import annotations

import http.client
import signal
import socket

import pytest
from scripted.host import MIB
from scripted.wait import until

POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    memory: { tripwire: 90% }
    near_oom: { brake: { docker_timeout: 20s } }
    restart: { backoff: { from: 1ms, to: 1ms }, breaker: { restarts: 50 } }
"""
FRAGILE = POLICY.replace("restarts: 50", "restarts: 1")
TERM, QUIT, HUP, USR1, KILL = signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGKILL


def armed_coach(host, daemon, **settings):
    coach = host.container(**settings)
    daemon.wait("armed", service="coach")
    return coach


def leak(coach) -> None:
    coach.use(anon=240 * MIB)


def metrics(daemon) -> str:
    class Unix(http.client.HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(str(daemon.socket))

    connection = Unix("governor")
    connection.request("GET", "/metrics")
    return connection.getresponse().read().decode()


# ---- signals

def test_a_thread_dump_changes_nothing(host, start):
    daemon = start(POLICY)
    coach = armed_coach(host, daemon, handled=(TERM, QUIT), ends=(TERM,))
    first = coach.main
    coach.kill(QUIT)
    daemon.settle()
    assert daemon.status("coach")["phase"] == "watching", daemon.timeline()
    leak(coach)
    finished = daemon.wait("restart_finished", service="coach")
    assert finished.raw["outcome"] == "graceful", daemon.timeline()
    assert first.signals() == [QUIT, TERM]
    assert not daemon.events("left_alone")


@pytest.mark.parametrize("foreign", [HUP, QUIT, USR1])
def test_while_docker_hangs_only_its_own_stop_signal_thaws_it(host, start, foreign):
    daemon = start(POLICY)
    coach = armed_coach(host, daemon, handled=(TERM, HUP, QUIT, USR1), ends=(TERM,))
    first = coach.main
    host.engine.hang(r"POST .*/restart")
    leak(coach)
    until(coach.frozen, "the brake", about=daemon.timeline)
    coach.kill(foreign)
    daemon.settle()
    assert coach.frozen() and not daemon.events("signalled"), daemon.timeline()
    host.engine.answer_again()
    finished = daemon.wait("restart_finished", service="coach")
    assert finished.raw["outcome"] == "graceful", daemon.timeline()
    assert set(first.signals()) == {foreign, TERM}


@pytest.mark.parametrize("written", ["sigusr1", "Usr1", "10", "SIGRTMAX-3", "rtmin+3", "SIGINT"])
def test_a_stop_signal_is_read_by_dockers_rules(host, start, written):
    number = {"SIGRTMAX-3": 61, "rtmin+3": 37, "SIGINT": 2}.get(written, 10)
    daemon = start(POLICY)
    coach = armed_coach(host, daemon, stop_signal=written, handled=(number,), ends=(number,))
    first = coach.main
    leak(coach)
    finished = daemon.wait("restart_finished", service="coach")
    assert finished.raw["outcome"] == "graceful", daemon.timeline()
    assert first.signals() == [number]
    # Somebody's `docker stop` is recognised, and what they stopped stays stopped.
    daemon.wait("armed", service="coach", count=2)
    coach.stop()
    daemon.wait("exited", service="coach")
    assert len(daemon.events("left_alone")) == 1, daemon.timeline()
    daemon.settle()
    assert not coach.running


@pytest.mark.parametrize("stop_signal,exit_code", [("SIGINT", 130), ("SIGRTMIN+3", 165), ("SIGKILL", 137)])
def test_an_end_by_its_own_stop_signal_is_an_end_as_asked_for(host, start, stop_signal, exit_code):
    daemon = start(POLICY)
    coach = armed_coach(host, daemon, stop_signal=stop_signal, handled=())
    leak(coach)
    finished = daemon.wait("restart_finished", service="coach")
    assert finished.raw["exit_code"] == exit_code
    assert finished.raw["outcome"] == "graceful", daemon.timeline()


# ---- the grace

@pytest.mark.parametrize("timeout,stated", [(-1, None), (2**63 - 1, "-1"), (9_300_000_000, "-1")])
def test_a_stop_timeout_without_end_is_never_over(host, start, timeout, stated):
    daemon = start(POLICY)
    coach = armed_coach(host, daemon, stop_timeout=timeout, handled=(TERM, QUIT), ends=(QUIT,))
    leak(coach)
    daemon.wait("signalled", service="coach")
    daemon.settle()
    explained = daemon.command("explain", "coach").stdout
    assert "no limit" in explained, explained
    asked = [r for r in host.engine.requests if r.path.endswith("/restart")]
    # Docker's own arithmetic overflows with the large ones, and it would kill at once: `t` says what they mean.
    assert [r.query.get("t") for r in asked] == [stated]
    coach.main.send(QUIT)  # it has saved
    finished = daemon.wait("restart_finished", service="coach")
    assert finished.raw["outcome"] == "graceful", daemon.timeline()
    assert not daemon.events("killed", "action_failed"), daemon.timeline()


# ---- quarantine

def quarantined(host, daemon):
    coach = armed_coach(host, daemon, handled=(TERM, HUP), ends=(TERM,))
    leak(coach)
    daemon.wait("restart_finished", service="coach")
    leak(coach)
    daemon.wait("breaker_opened", service="coach")
    return coach


def test_a_reload_signal_leaves_the_quarantine_in_force(host, start):
    daemon = start(FRAGILE)
    coach = quarantined(host, daemon)
    coach.kill(HUP)
    daemon.settle()
    row = daemon.status("coach")
    assert row["quarantined"] and row["phase"] == "quarantined", daemon.timeline()
    assert not daemon.events("breaker_released")


def test_an_operators_stop_and_start_ends_the_quarantine(host, start):
    daemon = start(FRAGILE)
    coach = quarantined(host, daemon)
    coach.stop()
    assert daemon.wait("breaker_released", service="coach").rule == "operator_stop"
    coach.start()
    daemon.wait("armed", service="coach", count=3)
    assert not daemon.status("coach")["quarantined"]


def test_a_policy_that_no_longer_asks_for_it_ends_the_quarantine(host, start):
    daemon = start(FRAGILE)
    quarantined(host, daemon)
    daemon.policy.write_text(POLICY.replace("near_oom:", "near_oom: { do: notify } #"))
    daemon.command("reload", check=True)
    assert daemon.wait("breaker_released", service="coach").rule == "policy_changed"


# ---- what changes during a container's life

def test_a_renamed_container_is_selected_anew(host, start):
    daemon = start(POLICY.replace("service: coach", 'container: "canary-*"'))
    coach = armed_coach(host, daemon)
    assert daemon.status("coach")["policy"] is None
    coach.rename("canary-1")
    armed = daemon.wait("armed", service="coach", count=2)
    assert (armed.name, armed.raw["policy"]) == ("canary-1", "coach")
    assert daemon.status("coach")["container"] == "canary-1"
    shown = metrics(daemon)
    assert 'container="canary-1"' in shown and 'container="shop-coach-1"' not in shown
    coach.rename("shop-coach-1")
    until(lambda: daemon.status("coach")["policy"] is None, "the policy to leave it", about=daemon.timeline)


def test_a_stopped_container_is_renamed_too(host, start):
    daemon = start(POLICY)
    coach = armed_coach(host, daemon)
    coach.stop()
    daemon.wait("exited", service="coach")
    coach.rename("old")
    daemon.settle()
    assert daemon.status("coach")["container"] == "old"


def test_joiners_are_named_when_the_restart_is_over(host, start):
    daemon = start(POLICY)
    coach = armed_coach(host, daemon)
    host.container("sidecar", network_mode=f"container:{coach.id}", pid_mode=f"container:{coach.id}", using={"anon": MIB})
    daemon.wait("armed", service="sidecar")
    leak(coach)
    finished = daemon.wait("restart_finished", service="coach")
    assert "shop-sidecar-1 (network), shop-sidecar-1 (pid)" in finished.detail, daemon.timeline()


# ---- names

def test_a_name_of_several_projects_is_refused(host, start):
    daemon = start(POLICY)
    for project in ("shop", "blog"):
        host.container(project=project, using={"anon": MIB})
    daemon.wait("armed", service="coach", count=2)
    for words in (["explain", "coach"], ["release", "coach"], ["events", "--service", "coach"]):
        refused = daemon.command(*words)
        assert refused.returncode == 2, (words, refused)
        assert "blog/coach, shop/coach" in refused.stderr, refused
    assert daemon.command("explain", "shop/coach").returncode == 0
    assert daemon.command("events", "--service", "shop/coach").returncode == 0


def test_replicas_of_one_service_are_one_name(host, start):
    daemon = start(POLICY)
    host.container(using={"anon": MIB})
    host.container(using={"anon": MIB})
    daemon.wait("armed", service="coach", count=2)
    assert daemon.command("explain", "coach").returncode == 0
