# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What the scenarios that disturb the governor share: its policy, its events, and a striker in the guest."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from pathlib import Path

from testbed.guest import Guest
from testbed.stack import GOVERNOR, Service, Stack
from testbed.wait import until
from testbed.workers import Leaker, leaker

MIB = 1 << 20
GUEST_TOOLS = Path(__file__).resolve().parent / "guest"
TOOLS = "/opt/testbed/tools"
HARD = 256 * MIB
#: What the governor says when it acts, or when something went wrong. None of it may come where it should leave things alone.
ALARMS = {"oom_near", "brake", "signalled", "killed", "oom_killed", "breaker_opened", "restart_delayed", "restart_finished",
          "action_failed", "brake_lost", "docker_slow", "cap_frozen"}

# The times are generous because the guest is emulated: they are no part of what the scenarios show.
POLICY = """
version: 1
services:
  coach:
    match: {{ service: {service} }}
    memory: {{ hard: {hard}MiB, swap: 0, tripwire: 90% }}
    near_oom:
      brake: {{ docker_timeout: {docker_timeout}, hold_timeout: 3s }}
    restart: {{ {restart} }}
"""
PATIENT = "backoff: { from: 1ms, to: 1ms }, breaker: { restarts: 50 }"


def policy(service: str = "coach", hard: int = HARD >> 20, docker_timeout: str = "20s", restart: str = PATIENT) -> str:
    return POLICY.format(service=service, hard=hard, docker_timeout=docker_timeout, restart=restart)


def fast_leak(**more: object) -> Leaker:
    """Leaks when told to with go(), once in each life: nothing trips before a scenario is ready for it, or again behind its back."""
    options: dict = {"base": 150, "rate": 30, "start_after": 1}
    work = leaker("c", **(options | more))
    wait = "trap 'exit 0' TERM; until rm /out/go 2>/dev/null; do sleep 0.2; done"
    return Leaker(["sh", "-c", f"{wait}; exec {shlex.join(work.command)}"])


def go(coach: Service) -> None:
    coach.guest.run(f"touch {coach.out}/go")


#: For fast_leak(save_when=FINISH): its stop handler lasts until finish().
FINISH = "/out/finish"


def finish(coach: Service) -> None:
    coach.guest.run(f"touch {coach.out}/finish")


def start_governor(stack: Stack, text: str, **more: object) -> Daemon:
    stack.governor(text, **more)
    stack.up(GOVERNOR)
    daemon = Daemon(stack)
    daemon.wait("governor_started")
    return daemon


def start_coach(stack: Stack, daemon: Daemon, work: Leaker | None = None, **more: object) -> Service:
    """A coach that the governor has armed."""
    options: dict = {"restart": "unless-stopped"}
    coach = stack.worker("coach", work or fast_leak(), **(options | more))
    before = len(daemon.events("armed", service="coach"))
    stack.up("coach")
    daemon.wait("armed", count=before + 1, service="coach")
    return coach


def graceful_restart(coach: Service, daemon: Daemon, count: int = 1) -> dict:
    """Lets the coach leak, and waits until it is back. `count` numbers the governor's restarts of it so far."""
    go(coach)
    done = daemon.wait("restart_finished", count=count, service="coach", timeout=120)
    assert done["outcome"] == "graceful", done
    assert coach.oom_kills() == 0
    return done


class Daemon:
    """The governor of a stack, and what it has said."""

    def __init__(self, stack: Stack):
        self.stack, self.guest = stack, stack.guest
        self.service: Service = stack.services[GOVERNOR]
        self._log = self.service.inspect()["LogPath"]

    def events(self, *types: str, service: str | None = None) -> list[dict]:
        """From Docker's own file: it costs no client, survives the governor's restarts, and can be read while dockerd hangs."""
        text = self.guest.grown(self._log) or ""
        out = []
        for line in text.splitlines():
            if not line.endswith("}"):
                continue  # dockerd is in the middle of it
            entry = json.loads(line)
            if entry["stream"] == "stdout":
                event = json.loads(entry["log"])
                if (not types or event["type"] in types) and service in (None, event.get("service")):
                    out.append(event)
        return out

    def types(self, service: str | None = None) -> list[str]:
        return [event["type"] for event in self.events(service=service)]

    def wait(self, kind: str, count: int = 1, service: str | None = None, timeout: float = 90) -> dict:
        found = until(lambda: self.events(kind, service=service)[count - 1:],
                      f"the governor's event {kind} number {count}", timeout, pause=0.5)
        return found[0]

    @property
    def errors(self) -> list[str]:
        """What it complained of on stderr."""
        lines = (self.guest.grown(self._log) or "").splitlines()
        entries = [json.loads(line) for line in lines if line.endswith("}")]
        return [entry["log"].rstrip() for entry in entries if entry["stream"] == "stderr"]

    def alarms(self) -> list[str]:
        return [kind for kind in self.types() if kind in ALARMS]

    @property
    def guardian(self) -> int:
        """The pid of the helper that thaws when the governor dies; 0 when there is none."""
        found = self.guest.run(["pgrep", "-P", str(self.service.pid)], check=False).out.split()
        return int(found[0]) if found else 0


@dataclass(frozen=True)
class Strike:
    """What the striker saw."""

    struck: int
    died: int
    gap: int
    frozen: list[tuple[str, int, int | None]]
    high: str  # the container's memory.high at the death

    def frozen_after_death(self) -> dict[str, float]:
        """Seconds that each part stood still after the death, for what was frozen at that moment. What a governor freezes
        later is its own brake."""
        out: dict[str, float] = {}
        for name, begun, ended in self.frozen:
            if begun <= self.died and (ended is None or ended > self.died):
                out[name] = float("inf") if ended is None else (ended - self.died) / 1e9
        return out


class Striker:
    """Signals `target` when the container's cgroup shows the step, by a script in the guest that needs no round trip."""

    def __init__(self, victim: Service, target: int, step: str, signal: str = "SIGKILL", after: float = 4):
        self.guest: Guest = victim.guest
        self.guest.ssh.put(GUEST_TOOLS, TOOLS)
        self.out = f"/run/testbed/striker-{target}.out"
        words = ["python3", "-I", "-S", f"{TOOLS}/striker.py", "--step", step, "--scope", victim.cgroup,
                 "--pid", str(victim.pid), "--strike", str(target), "--signal", signal, "--after", str(after)]
        self.guest.run(f"setsid {shlex.join(words)} > {self.out} 2>&1 < /dev/null &")
        until(lambda: "ready" in (self.guest.read(self.out) or ""), "the striker to be ready", 20)

    def result(self, timeout: float = 100) -> Strike:
        def report() -> str:
            return next((line for line in (self.guest.read(self.out) or "").splitlines()[1:]), "")

        line = until(report, "the striker's report", timeout, pause=0.5)
        assert line.startswith("{") and "error" not in line, self.guest.read(self.out)
        fields = json.loads(line)
        return Strike(fields["struck"], fields["died"], fields["gap"], [tuple(i) for i in fields["frozen"]], fields["high"])
