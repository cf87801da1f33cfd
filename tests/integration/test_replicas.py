# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Replicas that leak alike restart one at a time; a container that shares another one's network works again after its restart."""

from __future__ import annotations

import shlex

from governed import MIB, PATIENT, Daemon, policy, start_governor

from testbed.stack import Service, Stack
from testbed.wait import until
from testbed.workers import Leaker, leaker

HARD, LOAN = 256, 48
#: Above the tripwire of the policy's limit, below that of the raised one.
STOPS_AT = 240
FINISH = "/out/finish"


def replicas(stack: Stack, daemon: Daemon) -> list[Service]:
    """Two of one service. Each leaks once in its life, when told to; its stop handler lasts until /out/finish."""
    work = leaker("c", base=150, rate=20, start_after=1, stop_at=STOPS_AT, save_when=FINISH)
    wait = "trap 'exit 0' TERM; until rm /out/go-$(hostname) 2>/dev/null; do sleep 0.2; done"
    first = stack.worker("coach", Leaker(["sh", "-c", f"{wait}; exec {shlex.join(work.command)}"]), restart="unless-stopped",
                         stop_grace_period="180s", deploy={"replicas": 2})
    stack.up("coach")
    until(lambda: len(daemon.events("armed", service="coach")) >= 2, "both replicas to be armed", 120)
    second = Service(stack, "coach")
    second.container = f"{stack.project}-coach-2"
    return [first, second]


def of(daemon: Daemon, kind: str, container: str) -> list[dict]:
    return [event for event in daemon.events(kind) if event["container"]["name"] == container]


def wait_of(daemon: Daemon, kind: str, container: str, timeout: float = 120) -> dict:
    return until(lambda: of(daemon, kind, container), f"{kind} of {container}", timeout, pause=0.5)[0]


def test_two_replicas_that_leak_alike_are_never_away_together(stack: Stack) -> None:
    daemon = start_governor(stack, policy(hard=HARD).replace("near_oom:", f"near_oom:\n      loan: {LOAN}MiB"))
    both = replicas(stack, daemon)
    stack.guest.run("touch " + " ".join(f"{both[0].out}/go-{each.id[:12]}" for each in both))
    granted = daemon.wait("loan_granted", timeout=180)
    borrower = next(each for each in both if each.container == granted["container"]["name"])
    away = next(each for each in both if each is not borrower)
    assert granted["memory"]["hard"] == (HARD + LOAN) * MIB
    assert borrower.read("memory.max").strip() == str((HARD + LOAN) * MIB)
    assert borrower.read("memory.swap.max").strip() == "0"
    until(lambda: int(borrower.read("memory.current") or 0) > STOPS_AT * MIB * 9 // 10, "the borrower to run on", 60)
    assert of(daemon, "signalled", borrower.container) == [], "it waits with its own restart"
    assert borrower.read("cgroup.freeze").strip() == "0"

    stack.guest.run(f"touch {away.out}/finish")
    back = wait_of(daemon, "restart_finished", away.container)
    done = wait_of(daemon, "restart_finished", borrower.container)
    assert (back["outcome"], done["outcome"]) == ("graceful", "graceful")
    signalled = wait_of(daemon, "signalled", borrower.container)
    assert signalled["monotonic_ns"] > back["monotonic_ns"], "never both away"
    wait_of(daemon, "loan_repaid", borrower.container)
    until(lambda: borrower.read("memory.max").strip() == str(HARD * MIB), "the policy's limit", 60)
    assert stack.guest.inspect(borrower.container)["HostConfig"]["Memory"] == HARD * MIB
    assert daemon.events("oom_killed", "killed", "drift_repaired") == []
    for finished in (back, done):
        assert {"stop_ms", "docker_ms"} <= set(finished["away"]), finished


def test_who_shares_its_network_works_again_after_its_restart(stack: Stack) -> None:
    text = policy(restart=PATIENT) + "    restart_with: { joined_namespaces: true }\n"
    daemon = start_governor(stack, text)
    work = leaker("c", base=150, rate=30, start_after=1)
    wait = "trap 'exit 0' TERM; python3 -m http.server 8000 & until rm /out/go 2>/dev/null; do sleep 0.2; done"
    coach = stack.worker("coach", Leaker(["sh", "-c", f"{wait}; exec {shlex.join(work.command)}"]), restart="unless-stopped",
                         stop_grace_period="60s", networks=["default"])
    sidecar = stack.service("sidecar", {"image": "testbed/python", "command": ["sleep", "infinity"], "init": True,
                                        "restart": "unless-stopped", "network_mode": "service:coach", "depends_on": ["coach"]})
    stack.up("coach", "sidecar")
    daemon.wait("armed", service="coach")
    daemon.wait("armed", service="sidecar")
    request = "python3 -c 'import urllib.request as u; u.urlopen(\"http://127.0.0.1:8000/\", timeout=20).read(1)'"
    until(lambda: sidecar.exec(request, check=False).code == 0, "the sidecar to reach its neighbour", 90)
    before = sidecar.pid

    stack.guest.run(f"touch {coach.out}/go")
    daemon.wait("restart_finished", service="coach", timeout=180)
    followed = daemon.wait("restarted_with", service="sidecar")
    assert followed["reason"]["rule"] == "restart_with" and coach.container in followed["detail"]
    daemon.wait("armed", count=2, service="sidecar")
    assert sidecar.pid != before
    until(lambda: sidecar.exec(request, check=False).code == 0, "the sidecar to reach its neighbour again", 90)
    assert daemon.events("left_alone") == []
    assert len(daemon.events("restarted_with")) == 1
