# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What the scenarios about reserved memory share: their policy, what the cgroup files say, and a spoilt system bus."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from testbed.guest import CGROUP, Guest
from testbed.stack import Service, Stack
from testbed.told import Governor
from testbed.wait import until

MIB = 1 << 20
GUEST_TOOLS = Path(__file__).resolve().parent / "guest"
TOOLS = "/opt/testbed/tools"
#: More than either database comes to use: then all that it uses is protected.
POSTGRES_MIN = 288 * MIB
REDIS_MIN = 96 * MIB
#: What the small host has left for databases, coach and eater together.
AVAILABLE = 900 * MIB
#: The documentation promises 10 s for a repair; the emulated machine is 10 to 20 times too slow.
REPAIR = 120
#: The governor must say nothing of the kind about a database.
HARM = ("oom_near", "give_way", "brake", "signalled", "killed", "oom_killed", "exited", "restart_finished", "action_failed")

NEVER = "[freeze, restart, kill]"
POLICY = f"""
version: 1
host: {{ keep_free: 96MiB, pressure: {{ full: 20%, over: 2s }} }}
services:
  postgres:
    match: {{ service: postgres }}
    reserve: {{ min: {POSTGRES_MIN}, oom_score_adj: -900, swap: 0 }}
    never: {NEVER}
  redis:
    match: {{ service: "redis*" }}
    reserve: {{ min: {REDIS_MIN}, low: {REDIS_MIN + 32 * MIB}, oom_score_adj: -900, swap: 0 }}
    never: {NEVER}
  coach:
    match: {{ service: coach }}
    memory: {{ hard: 256MiB, swap: 0, tripwire: 90% }}
    priority: 10
    near_oom:
      brake: {{ docker_timeout: 20s, hold_timeout: 3s }}
    restart: {{ backoff: {{ from: 1ms, to: 1ms }}, breaker: {{ restarts: 50 }} }}
"""


# -- what the files say ------------------------------------------------------------------------------
def ancestors(cgroup: str) -> list[str]:
    """From the container's parent up to the root's child: the root itself has no limits."""
    parts = cgroup.removeprefix(CGROUP + "/").split("/")[:-1]
    return ["/".join([CGROUP, *parts[:n]]) for n in range(len(parts), 0, -1)]


def minimum(guest: Guest, cgroup: str, file: str = "memory.min") -> int:
    """0 for a cgroup that is gone: nothing is reserved there any more."""
    text = (guest.read(f"{cgroup}/{file}") or "0").strip()
    return -1 if text == "max" else int(text)


def minima(service: Service) -> list[int]:
    """memory.min of the container and of all its ancestors, upwards."""
    own = service.cgroup
    return [minimum(service.guest, cgroup) for cgroup in [own, *ancestors(own)]]


def wait_minima(service: Service, own: int, above: int | None = None) -> None:
    """Until the container's is `own` and each ancestor's is at least `above` (default: the same)."""
    def in_force() -> bool:
        first, *rest = minima(service)
        return first == own and all(value >= (above or own) for value in rest)

    until(in_force, f"{service.name}'s memory.min of {own} on it and its ancestors", REPAIR, pause=1)


# -- what the governor says --------------------------------------------------------------------------
def standing(stack: Stack, service: Service) -> dict:
    """`reserve` of this service in `governor status --json`."""
    status = json.loads(stack.cli("status", "--json").out)
    return next(c["reserve"] for c in status["containers"] if c["service"] == service.name)


def complaints(stack: Stack, *words: str) -> list[dict]:
    """The doctor's checks about one of the words that are not good."""
    checks = json.loads(stack.cli("doctor", "--json", check=False, timeout=120).out)["checks"]
    about = [c for c in checks if any(word in (c["id"] + " " + c["about"]).lower() for word in words)]
    return [c for c in about if c["verdict"].lower() != "ok"]


def unharmed(governor: Governor, *services: Service) -> None:
    for service in services:
        assert service.oom_kills() == 0, f"{service.name}\n{governor.timeline()}"
        assert service.restarts == 0, f"{service.name}\n{governor.timeline()}"
        assert governor.events(service.name, *HARM) == [], governor.timeline(service.name)


# -- the bus -----------------------------------------------------------------------------------------
@contextmanager
def spoilt_bus(guest: Guest, *options: str) -> Iterator[str]:
    """The path of a socket that leads to the system bus, by way of guest/busproxy.py with these options."""
    unit, path = "testbed-bus", "/run/testbed/bus.sock"
    guest.ssh.put(GUEST_TOOLS, TOOLS)
    guest.run(["rm", "-f", path, f"{path}.part"])
    guest.run(["systemd-run", "--quiet", "--collect", f"--unit={unit}", "-p", "KillSignal=SIGKILL",
               "python3", "-I", "-S", f"{TOOLS}/busproxy.py", "--listen", path, *options])
    try:
        until(lambda: guest.run(["test", "-S", path], check=False).code == 0, "the proxy of the bus to listen", 30)
        yield path
    finally:
        guest.run(["systemctl", "stop", unit], check=False)
