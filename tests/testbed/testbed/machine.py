# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""One virtual machine: its QEMU process, its console, and the way into it."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from . import hardware, paths
from .qmp import Qmp, QmpError
from .ssh import GuestError, Ssh

PANIC = re.compile(r"Kernel panic|Oops:|double fault|BUG: |end Kernel panic")


def _die_with_parent() -> None:
    """Runs in the child: a test session that is killed must not leave its VM behind."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _start_time(pid: int) -> str | None:
    """Field 22 of /proc/<pid>/stat: with the pid it names one process for good."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except (OSError, IndexError):
        return None


class Machine:
    def __init__(self, folder: Path, bundle: Path):
        self.folder = folder
        self.bundle = bundle
        self.pid = 0
        self._started = ""
        self._ssh: Ssh | None = None

    # -- files ---------------------------------------------------------------------------------
    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    @property
    def qmp_socket(self) -> Path:
        return self.folder / "qmp.sock"

    def console_tail(self, lines: int = 40) -> str:
        if not self.console.exists():
            return "(no console)"
        return "\n".join(self.console.read_text(errors="replace").splitlines()[-lines:])

    def qmp(self, timeout: float = 10) -> Qmp:
        return Qmp(self.qmp_socket, timeout)

    # -- the process ---------------------------------------------------------------------------
    def start(self, argv: list[str], die_with_parent: bool) -> None:
        log = (self.folder / "qemu.log").open("wb")
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   start_new_session=True,
                                   preexec_fn=_die_with_parent if die_with_parent else None)
        log.close()
        self._process = process  # kept: poll() reaps it
        self.pid = process.pid
        self._started = _start_time(self.pid) or ""
        self._save()

    def alive(self) -> bool:
        process = getattr(self, "_process", None)
        if process is not None and process.poll() is not None:
            return False
        return self.pid > 0 and _start_time(self.pid) == self._started

    def check(self) -> None:
        """Raises with the console's end when the guest is gone or has panicked."""
        log = self.folder / "qemu.log"
        if not self.alive():
            text = log.read_text(errors="replace") if log.exists() else ""
            raise GuestError(f"the VM ended\n{text}\n{self.console_tail()}")
        tail = self.console_tail()
        if PANIC.search(tail):
            raise GuestError(f"the guest's kernel broke\n{tail}")

    def wait_end(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while self.alive():
            if time.monotonic() > deadline:
                raise GuestError(f"the VM did not end in {timeout} s\n{self.console_tail()}")
            time.sleep(0.1)

    def kill(self) -> None:
        if self._ssh:
            self._ssh.disconnect()
        if self.alive():
            os.kill(self.pid, signal.SIGKILL)
            self.wait_end(60)  # a busy machine takes its time to give 4 GiB back
        self.pid = 0

    def discard(self) -> None:
        """Ends the VM and removes everything it wrote."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- what a later call of the command line needs -------------------------------------------
    def _save(self) -> None:
        port = self._ssh.port if self._ssh else 0
        facts = {"pid": self.pid, "started": self._started, "bundle": str(self.bundle), "port": port}
        (self.folder / "vm.json").write_text(json.dumps(facts))

    @classmethod
    def load(cls, folder: Path) -> "Machine | None":
        """The machine that an earlier call left running in `folder`."""
        try:
            facts = json.loads((folder / "vm.json").read_text())
        except (OSError, ValueError):
            return None
        machine = cls(folder, Path(facts["bundle"]))
        machine.pid, machine._started = facts["pid"], facts["started"]
        if facts["port"]:
            machine._ssh = machine._make_ssh(facts["port"])
        return machine if machine.alive() else None

    # -- ssh -----------------------------------------------------------------------------------
    @property
    def ssh(self) -> Ssh:
        if self._ssh is None:
            with self.qmp() as qmp:
                answer = qmp.monitor("info usernet")
            match = re.search(r"HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)", answer)
            if not match:
                raise QmpError(f"no forwarded port: {answer}")
            self._ssh = self._make_ssh(int(match.group(1)))
            self._save()
        return self._ssh

    def _make_ssh(self, port: int) -> Ssh:
        own = self.folder / "id_ed25519"
        return Ssh(port, own if own.exists() else self.bundle / "id_ed25519", self.folder / "ssh.sock")

    def wait_ssh(self, timeout: float, attempt: float = 20) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.check()
            if self.ssh.connect(attempt):
                return
            time.sleep(0.3)
        raise GuestError(f"no ssh after {timeout} s\n{self.console_tail()}")

    # -- ways to start -------------------------------------------------------------------------
    def _command(self, accel: str, disk: Path, memory: Path, shared: bool,
                 drives: list[Path] | None = None) -> list[str]:
        return hardware.command(
            accel=accel, memory_file=memory, memory_shared=shared, disk=disk,
            kernel=self.bundle / "vmlinuz", initrd=self.bundle / "initrd.img",
            console=self.console, qmp=self.qmp_socket, import_drives=drives)

    def boot(self, accel: str, disk: Path, memory: Path, drives: list[Path] | None = None) -> None:
        """A cold boot that writes to `disk` itself: only for making the state."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.start(self._command(accel, disk, memory, True, drives), die_with_parent=True)

    def restore(self, die_with_parent: bool) -> None:
        """Continues the saved state on an overlay; the guest answers when this returns."""
        accel = json.loads((self.bundle / "manifest.json").read_text())["accel"]
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        # The cache may get a new recipe while this VM runs: what later calls need is kept here.
        shutil.copy2(self.bundle / "id_ed25519", self.folder / "id_ed25519")
        overlay = self.folder / "overlay.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2",
                        "-b", str(self.bundle / "disk.qcow2"), str(overlay)], check=True, timeout=30)
        argv = self._command(accel, overlay, self.bundle / "ram.img", False)
        self.start([*argv, "-incoming", "defer"], die_with_parent)
        with self.qmp() as qmp:
            qmp.ignore_shared_memory()
            qmp.execute("migrate-incoming", uri=f"exec:cat {self.bundle / 'devices.state'}")
            qmp.wait_migration(30)
            # `cont` is refused while the incoming side is still finishing.
            qmp.execute("cont")
            qmp.execute("set_link", name="n0", up=False)
            qmp.execute("set_link", name="n0", up=True)
        self.wait_ssh(60)
        # The guest woke up with the clock of the day its state was saved.
        self.ssh.run(f"date -u -s @{time.time():.3f} >/dev/null", timeout=60)
