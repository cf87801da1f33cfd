# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Behind a load balancer with health checks, a restart with a drain hook loses no request; with two replicas it refuses none either."""

from __future__ import annotations

import json
import shlex
from collections import Counter

import pytest

from testbed import paths
from testbed.guest import APPS
from testbed.stack import Service, Stack
from testbed.told import Governor, start_governor
from testbed.wait import until
from testbed.workers import Leaker

LOAD = "/opt/testbed/load.py"
#: The threshold is at 120 MiB of 160, and half of the room above it is 19 MiB. At 1 MiB/s that is longer than `settle`.
POLICY = """
version: 1
services:
  app:
    match: {{ service: "app*" }}
    memory: {{ tripwire: 75% }}
    near_oom:
      when: {{ unreclaimable: 75% }}
      do: graceful_restart
      brake: {{ docker_timeout: 20s, hold_timeout: 3s }}
      drain_hook: {{ file: {file}, settle: 8s }}
    restart: {{ backoff: {{ from: 1ms, to: 1ms }}, breaker: {{ restarts: 50 }} }}
"""


def replica(stack: Stack, name: str, file: str, leak: float) -> Service:
    command = ["python3", f"{APPS}/balanced.py", "serve", "--base", "75", "--leak", str(leak), "--file", file]
    return stack.worker(name, Leaker(command), limit="160m", networks=["default"], restart="unless-stopped", stop_grace_period="60s")


def balancer(stack: Stack, *replicas: str) -> Service:
    command = ["python3", f"{APPS}/balanced.py", "balance", *replicas]
    return stack.worker("balancer", Leaker(command, "testbed/nginx"), limit=None, networks=["default"], stop_signal="SIGTERM")


class Load:
    """Four clients with five requests a second each, in the guest, until stop()."""

    def __init__(self, stack: Stack, to: Service):
        self.guest, self.out = stack.guest, f"{stack.folder}/load.json"
        self.guest.ssh.put(paths.APPS / "pools/load.py", LOAD)
        networks = to.inspect()["NetworkSettings"]["Networks"].values()
        (address,) = [network["IPAddress"] for network in networks]
        words = ["python3", "-I", "-S", LOAD, "--target", f"{address}:80", "--clients", "4", "--interval", "0.2", "--seconds", "3600",
                 "--out", self.out]
        self.guest.run(f"setsid {shlex.join(words)} > {self.out}.log 2>&1 < /dev/null & echo $! > {self.out}.pid")

    def counts(self) -> dict:
        return json.loads(self.guest.read(self.out) or "{}")

    def stop(self) -> dict:
        self.guest.run(f"kill -TERM $(cat {self.out}.pid)", check=False)
        until(lambda: self.counts().get("ended"), "the load's last report", 150)
        return self.counts()


def in_use(front: Service) -> list[str]:
    lines = [line for line in front.logs().splitlines() if line.startswith("in use:")]
    return lines[-1].split()[2:] if lines else []


def restarts_under_load(stack: Stack, governor: Governor, front: Service, leaking: Service, count: int) -> tuple[dict, Counter]:
    """What the clients counted over so many restarts, and nginx's statuses."""
    load = Load(stack, front)
    governor.wait("restart_finished", leaking.name, count=count, timeout=300)
    # Only a replica that is in use again has shown that nothing keeps it out.
    until(lambda: leaking.name in in_use(front), f"{leaking.name} to be used again", 60)
    counted = load.stop()
    statuses = Counter(stack.guest.run(f"cat {front.out}/statuses").out.splitlines())
    return counted, statuses


def check_restarts(governor: Governor, service: str, count: int) -> None:
    about = governor.timeline(service)
    restarted = governor.events(service, "restart_finished")
    assert len(restarted) >= count and {e.raw["outcome"] for e in restarted} == {"graceful"}, about
    assert governor.events(service, "action_failed", "killed", "oom_killed") == [], about
    kinds = [e.type for e in governor.events(service, "oom_near", "drain_hook_called", "brake", "signalled", "restart_finished")]
    assert kinds[:5] == ["oom_near", "drain_hook_called", "brake", "signalled", "restart_finished"], about


def test_two_replicas_lose_and_refuse_nothing(stack: Stack) -> None:
    # In the writable layer the file survives the restart: only its removal brings the replica back.
    file = "/run/drain"
    governor = start_governor(stack, POLICY.format(file=file))
    leaking = replica(stack, "app-a", file, leak=0.1)
    replica(stack, "app-b", file, leak=0)
    front = balancer(stack, "app-a", "app-b")
    stack.up()
    until(lambda: in_use(front) == ["app-a", "app-b"], "both replicas to be used", 120)
    counted, statuses = restarts_under_load(stack, governor, front, leaking, 2)
    check_restarts(governor, "app-a", 2)
    about = f"{counted} {statuses}\n{governor.timeline('app-a')}"
    assert counted["ok"] > 300, about
    assert (counted["refused"], counted["broken"], counted["failed"]) == (0, 0, 0), about
    assert set(statuses) == {"200 200"}, about


@pytest.mark.full
def test_a_single_replica_loses_nothing(stack: Stack) -> None:
    file = "/dev/shm/drain"
    governor = start_governor(stack, POLICY.format(file=file))
    leaking = replica(stack, "app", file, leak=0.05)
    front = balancer(stack, "app")
    stack.up()
    until(lambda: in_use(front) == ["app"], "the replica to be used", 120)
    counted, statuses = restarts_under_load(stack, governor, front, leaking, 1)
    check_restarts(governor, "app", 1)
    about = f"{counted} {statuses}\n{governor.timeline('app')}"
    assert counted["ok"] > 100 and counted["broken"] == 0, about
    # 503 is the balancer's own answer while it has no replica: refused, and none was sent to it.
    assert set(statuses) == {"200 200", "503 -"}, about
