# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What the governor of a stack told, from its container's log: one JSON object a line."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from functools import cache

import jsonschema

from . import paths
from .stack import GOVERNOR, Stack
from .wait import until


GOVERNOR_BINARY = paths.REPOSITORY / "build/release/bin/governor"


@cache
def event_schema() -> jsonschema.Draft202012Validator:
    done = subprocess.run([GOVERNOR_BINARY, "schema", "--event"], stdout=subprocess.PIPE, check=True, timeout=60)
    return jsonschema.Draft202012Validator(json.loads(done.stdout))


@dataclass(frozen=True)
class Told:
    """One event; what tests ask for pulled up, the rest as it came."""

    number: int
    type: str
    service: str
    monotonic_ns: int
    raw: dict

    @property
    def detail(self) -> str:
        return self.raw.get("detail", "")

    @property
    def rule(self) -> str:
        return self.raw.get("reason", {}).get("rule", "")

    def memory(self, key: str) -> int:
        return self.raw.get("memory", {}).get(key, 0)

    def __str__(self) -> str:
        shown = {k: v for k, v in self.raw.items()
                 if k in ("outcome", "via", "exit_code", "stop_handling", "brake_ms", "drain_ms", "total_ms", "detail")}
        return f"{self.raw.get('time', '')} {self.service} {self.type} {self.rule} {shown or ''}".rstrip()


class Governor:
    """The governor of a stack, as one asks it what it did."""

    def __init__(self, stack: Stack):
        self.stack, self.guest = stack, stack.guest
        self.container = stack.services[GOVERNOR].container
        self._log = ""

    def events(self, service: str | None = None, *types: str) -> list[Told]:
        """All that it told since its container was made, also over its own restarts."""
        if not self._log:
            found = self.guest.inspect(self.container)
            if not found:
                return []
            self._log = found["LogPath"]
        # The engine's own file: the docker client costs half a second under emulation, and this is polled.
        text = self.guest.grown(self._log) or ""
        lines = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        told = [json.loads(line["log"]) for line in lines if line["stream"] == "stdout" and line["log"].startswith("{")]
        made = [Told(raw.get("id", 0), raw["type"], raw.get("service", ""), raw.get("monotonic_ns", 0), raw) for raw in told]
        return [e for e in made if service in (None, e.service) and (not types or e.type in types)]

    def check_schema(self) -> None:
        """Every event that it told is as `governor schema --event` says. After each scenario (conftest.py)."""
        problems = [f"{error.message} in {event.raw}" for event in self.events() for error in event_schema().iter_errors(event.raw)]
        assert not problems, "\n".join(problems)

    def types(self, service: str) -> list[str]:
        return [event.type for event in self.events(service)]

    def wait(self, event_type: str, service: str | None = None, count: int = 1, timeout: float = 120) -> Told:
        """The event number `count` of that type."""
        found = until(lambda: self.events(service, event_type)[count - 1:],
                      f"the governor to tell {event_type} number {count} of {service or 'anything'}", timeout, pause=0.5)
        return found[0]

    def wait_ready(self, timeout: float = 120) -> "Governor":
        def started_or_refused() -> bool:
            if self.events(None, "governor_started"):
                return True
            found = self.guest.inspect(self.container)
            if found and (found["RestartCount"] or found["State"]["Status"] == "exited"):
                raise AssertionError(f"the governor did not start:\n{self.stack.services[GOVERNOR].logs()}")
            return False

        until(started_or_refused, "the governor to start", timeout, pause=0.5)
        return self

    def timeline(self, service: str | None = None) -> str:
        return "\n".join(str(event) for event in self.events(service))


def start_governor(stack: Stack, policy: str, *arguments: str, **more: object) -> Governor:
    """Starts the governor alone, so that it is there before what it guards."""
    stack.governor(policy, *arguments, **more)
    stack.up(GOVERNOR)
    return Governor(stack).wait_ready()
