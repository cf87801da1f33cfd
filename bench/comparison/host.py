# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The host that every candidate has its turn on: the guest with less memory, with or without swap, and a bystander."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from testbed import hardware
from testbed.attackers import small_host, steady_worker
from testbed.cli import restore
from testbed.guest import Guest
from testbed.stack import Stack

from . import packages

MIB = 1 << 20
HERE = Path(__file__).resolve().parent
WITNESS = "/opt/testbed/witness"
SWAP_FILE = "/var/tmp/bench.swap"
SWAP = 1024 * MIB
#: Three coaches of 512 MiB side by side leave more than the tenth of all memory at which a guard of the host acts by default; one of them
#: alone brings what is left below half of all memory, which is the most that nohang takes as a threshold.
AVAILABLE = 2350 * MIB
BYSTANDER = 100 * MIB


@dataclass
class Host:
    guest: Guest
    versions: dict[str, str]
    bystander_stack: Stack

    def swap(self, on: bool) -> None:
        self.guest.run(f"grep -q {SWAP_FILE} /proc/swaps || swapon {SWAP_FILE}" if on else "swapoff -a", timeout=240)

    def witnesses(self) -> dict[str, str]:
        """Who must not be hurt, and when each was started."""
        shown = self.guest.run(["systemctl", "show", "-P", "ExecMainStartTimestampMonotonic", "docker", "containerd", "ssh"]).out.split()
        found = self.guest.inspect(self.bystander_stack.services["bystander"].container) or {}
        return {"docker": shown[0], "containerd": shown[1], "ssh": shown[2], "bystander": str(found.get("State", {}).get("StartedAt"))}


def versions(guest: Guest) -> dict[str, str]:
    info = guest.api("/info")
    assert isinstance(info, dict)
    systemd = guest.run("systemctl --version").out.split()[1]
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    qemu = subprocess.run([hardware.QEMU, "--version"], capture_output=True, text=True, check=True).stdout.split()[3]
    return {"machine": f"{os.cpu_count()} CPUs, {model.group(1) if model else 'unknown'}", "qemu": qemu,
            "docker": info["ServerVersion"], "kernel": info["KernelVersion"], "systemd": systemd, "cpus": f"{info['NCPU']} emulated"}


@contextmanager
def host(available: int = AVAILABLE) -> Iterator[Host]:
    machine = restore(f"pytest-{os.getpid()}", die_with_parent=True)
    try:
        guest = Guest(machine)
        guest.prepare()
        known = versions(guest) | packages.install(guest)
        with tempfile.TemporaryDirectory() as folder:
            binary = Path(folder) / "witness"
            subprocess.run(["gcc", "-static", "-O2", "-Wall", "-o", str(binary), str(HERE / "witness.c")], check=True, timeout=60)
            guest.ssh.put(binary, WITNESS)
        guest.governor_image  # noqa: B018 (built before memory is short)
        guest.run(f"fallocate -l {SWAP} {SWAP_FILE} && chmod 600 {SWAP_FILE} && mkswap -q {SWAP_FILE}", timeout=120)
        stack = Stack(guest, "bystander")
        steady_worker(stack, "bystander", BYSTANDER, restart="unless-stopped")
        stack.up()
        with small_host(guest, available):
            yield Host(guest, known, stack)
    finally:
        machine.discard()
