# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Where the demo runs: on this machine's Docker Engine, or in the test bed's virtual machine."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ui import Screen

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CONTROLLERS = Path("/sys/fs/cgroup/cgroup.controllers")
SOCKET = "/var/run/docker.sock"


class Trouble(RuntimeError):
    """The demo cannot go on; its text says why and how to mend it."""


class Host:
    """A machine with a Docker Engine, reached by command lines."""

    compose = ""                             # the folder deploy/compose, as that machine sees it
    base = "debian:12-slim"                  # for the images of the demo's services ...
    governor_base = "debian:12-slim"         # ... and of the governor
    environment: dict[str, str] = {}         # for Compose

    def __init__(self) -> None:
        self._running: set[subprocess.Popen] = set()

    def argv(self, words: list[str]) -> list[str]:
        raise NotImplementedError

    def close(self) -> None:
        """Removes the machine, when it was made for the demo."""

    def run(self, words: list[str], timeout: float = 60, data: bytes | None = None, check: bool = True) -> bytes:
        process = subprocess.Popen(self.argv(words), stdin=subprocess.DEVNULL if data is None else subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._running.add(process)
        try:
            out, err = process.communicate(data, timeout)
        except subprocess.TimeoutExpired:
            raise Trouble(f"no end after {timeout:.0f} s: {shlex.join(words)}") from None
        finally:
            self._running.discard(process)
            if process.poll() is None:
                process.kill()
                process.wait()
        if check and process.returncode != 0:
            raise Trouble(f"failed with {process.returncode}: {shlex.join(words)}\n"
                          + (out + err).decode(errors="replace").strip()[-2000:])
        return out

    def together(self, *commands: tuple) -> None:
        """Each is what run() takes. When one fails, or Ctrl-C comes, the others are not waited for."""
        with ThreadPoolExecutor(len(commands)) as pool:
            try:
                for job in [pool.submit(self.run, *command) for command in commands]:
                    job.result()
            except BaseException:
                for process in list(self._running):
                    process.kill()
                raise

    def text(self, words: list[str], timeout: float = 60, check: bool = True) -> str:
        return self.run(words, timeout, check=check).decode(errors="replace").strip()

    def stream(self, words: list[str], data: bytes = b"", both: bool = False) -> subprocess.Popen:
        """Its output as it comes (`both`: errors among it). In a session of its own: Ctrl-C is ours to handle."""
        process = subprocess.Popen(self.argv(words), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT if both else subprocess.PIPE, start_new_session=True)
        assert process.stdin
        process.stdin.write(data)
        process.stdin.close()
        return process


class Here(Host):
    def __init__(self) -> None:
        super().__init__()
        self.compose = str(REPOSITORY / "deploy/compose")
        self.base = os.environ.get("DEMO_BASE", self.base)
        self.governor_base = os.environ.get("GOVERNOR_BASE", self.governor_base)
        self.environment = {"DEMO_DOCKER_TIMEOUT": os.environ.get("DEMO_DOCKER_TIMEOUT", "2s"),
                            "DEMO_HOLD_TIMEOUT": os.environ.get("DEMO_HOLD_TIMEOUT", "1s")}

    def argv(self, words: list[str]) -> list[str]:
        # The engine that the governor will talk to, whatever docker context is in use.
        return ["env", f"DOCKER_HOST=unix://{SOCKET}", *words]


class Vm(Host):
    """The virtual machine of tests/testbed. Emulated, its Docker is slow, and the policy has to be patient with it."""

    base, governor_base = "testbed/python", "testbed/governor-base"
    compose = "/opt/governor-demo/compose"
    environment = {"DEMO_DOCKER_TIMEOUT": "20s", "DEMO_HOLD_TIMEOUT": "3s"}

    def __init__(self, screen: Screen, keep: bool):
        super().__init__()
        sys.path.insert(0, str(REPOSITORY / "tests/testbed"))
        from testbed import progress
        progress.say = screen.note  # before the modules that take it by name
        from testbed import image
        from testbed.cli import restore
        from testbed.ssh import GuestError
        self.name = f"demo-{os.getpid()}"
        self.machine = None
        try:
            if not image.ready():
                screen.line("  The VM's image is not there yet: it is made now, once (3-5 minutes).")
                image.ensure()
            progress.say = lambda text: None  # our own line tells the rest
            with screen.step("booting the VM from its saved state"):
                self.machine = restore(self.name, die_with_parent=not keep)
                self.machine.ssh.put(REPOSITORY / "deploy/compose", self.compose)
        except (GuestError, RuntimeError, OSError, subprocess.SubprocessError) as error:
            self.close()
            raise Trouble(f"the VM does not start: {error}") from None
        except BaseException:
            self.close()
            raise

    def argv(self, words: list[str]) -> list[str]:
        assert self.machine
        return self.machine.ssh.argv(words)

    def close(self) -> None:
        if self.machine:
            self.machine.discard()
            self.machine = None


def why_not_here() -> str:
    """What this machine lacks to run the demo itself; empty when nothing."""
    controllers = CONTROLLERS.read_text().split() if CONTROLLERS.exists() else None
    if controllers is None:
        return "this machine has no cgroup v2 at /sys/fs/cgroup"
    if "memory" not in controllers:
        return "this machine's cgroup v2 has no memory controller"
    try:
        engine = Here().text(["docker", "info", "--format", "{{.CgroupVersion}} {{.OSType}}"], timeout=20)
        Here().text(["docker", "compose", "version"], timeout=20)
    except (Trouble, OSError):
        return f"no Docker Engine with Compose answers at {SOCKET}"
    return "" if engine == "2 linux" else f"Docker here uses cgroup version {engine}, not 2 linux"
