# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""`governor run` as a process on a scripted host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from .host import MIB, Host
from .wait import until

BINARY = Path(os.environ.get("GOVERNOR_BINARY", Path(__file__).resolve().parents[3] / "build/release/bin/governor"))


@dataclass(frozen=True)
class Event:
    type: str
    name: str  # of the container
    raw: dict

    @property
    def detail(self) -> str:
        return self.raw.get("detail", "")

    @property
    def rule(self) -> str:
        return self.raw.get("reason", {}).get("rule", "")

    def __str__(self) -> str:
        return json.dumps({k: v for k, v in self.raw.items() if k not in ("labels", "host")})


class Daemon:
    """Started at once; `wait` for its events. Always ended by the fixture."""

    def __init__(self, host: Host, policy: str, *options: str, env: dict[str, str] | None = None, wait: bool = True):
        self.host = host
        self.state, self.socket = host.folder / "state", host.folder / "governor.sock"
        self.policy = host.folder / "policy.yaml"
        self.policy.write_text(policy)
        self.state.mkdir(exist_ok=True)
        self._errors = open(host.folder / "governor.stderr", "ab")
        self.process = subprocess.Popen(
            [BINARY, "run", "--policy", self.policy, "--socket", self.socket, "--state-dir", self.state, "--docker-socket",
             host.engine.socket, "--cgroup-mount", host.tree, "--proc", host.proc, "--sys", host.sys, "--dbus", "off", *options],
            stdout=subprocess.PIPE, stderr=self._errors, stdin=subprocess.DEVNULL, env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={host.folder}/no-bus", **(env or {})})
        self._events: list[Event] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait:
            self.wait("governor_started")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            raw = json.loads(line)
            self._events.append(Event(raw["type"], raw.get("container", {}).get("name", ""), raw))

    # ---- what it publishes

    def events(self, *types: str, service: str | None = None) -> list[Event]:
        return [e for e in list(self._events) if (not types or e.type in types) and service in (None, e.raw.get("service", ""))]

    def wait(self, event_type: str, service: str | None = None, count: int = 1, timeout: float = 20) -> Event:
        """The event number `count` of that type."""
        return until(lambda: self.events(event_type, service=service)[count - 1:],
                     f"{event_type} number {count} of {service or 'anything'}", timeout, about=self.timeline)[0]

    def timeline(self) -> str:
        return "\n".join(map(str, self.events())) + "\n" + self.errors()

    def errors(self) -> str:
        return (self.host.folder / "governor.stderr").read_text(errors="replace")

    # ---- asking it

    def command(self, *words: str, check: bool = False) -> subprocess.CompletedProcess:
        done = subprocess.run([BINARY, words[0], "--socket", self.socket, *words[1:]], capture_output=True, text=True, timeout=20)
        assert not check or done.returncode == 0, done
        return done

    def status(self, service: str) -> dict:
        """The row of a service in `status --json`."""
        rows = json.loads(self.command("status", "--json", check=True).stdout)["services"]
        return next(row for row in rows if row["service"] == service)

    def settle(self, service: str = "marker") -> None:
        """Everything that Docker sent before this call is handled when it returns: a new container was armed after it."""
        before = len(self.events("armed", service=service))
        self.host.container(service, project=f"settle{before}", using={"anon": MIB})
        self.wait("armed", service=service, count=before + 1)

    # ---- its end

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def stop(self, timeout: float = 20) -> int:
        """SIGTERM; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def close(self) -> None:
        """However a test ended: nothing of it is left."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
        self.process.wait()
        self._reader.join(5)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self._errors.close()
