# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Many plain cgroups in the guest that look like Docker's, with a process and work in each, and a Docker API that lists them."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from testbed.guest import CGROUP, Guest
from testbed.wait import until

HERE = Path(__file__).resolve().parent
BIN = "/opt/cost/bin"
PARENT = f"{CGROUP}/system.slice"
LIST = "/run/cost/list"
DOCKER = "/run/cost/docker.sock"
CROWD, FAKE = "cost-crowd", "cost-docker"


@dataclass(frozen=True)
class Shape:
    """How many cgroups, how large, and how many of them work in the busy phase."""

    count: int
    limit: int = 16 << 20

    @property
    def busy(self) -> int:
        """One in ten takes and gives back anonymous memory; no more than the guest's CPUs can do beside what is measured."""
        return max(1, min(50, self.count // 10))

    @property
    def churning(self) -> int:
        """As many as a fifth of them read files."""
        return min(10, self.busy // 5)


def install(guest: Guest) -> None:
    """Compiles what makes the cgroups, and what answers as Docker, and puts both into the guest."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("crowd", "fake_docker"):
            subprocess.run(["gcc", "-static", "-O2", "-Wall", "-o", f"{folder}/{name}", str(HERE / f"{name}.c")],
                           check=True, timeout=60)
        guest.ssh.put(Path(folder), BIN)
    # One process for each of 10,000 cgroups.
    guest.run("sysctl -q kernel.pid_max=100000 kernel.threads-max=100000")


def populate(guest: Guest, shape: Shape) -> None:
    guest.run(f"mkdir -p {Path(LIST).parent}; rm -f {LIST}")
    guest.run(f"systemd-run -q --collect --unit={CROWD} -p TasksMax=infinity -p KillMode=process -p TimeoutStopSec=300 "
              f"{BIN}/crowd {PARENT} {shape.count} {shape.limit} {shape.busy} {shape.churning} {LIST}")

    def made() -> bool:
        if guest.run(f"systemctl is-active -q {CROWD}", check=False).code != 0:
            raise RuntimeError("the cgroups were not made: " + guest.run(f"journalctl -q -n 5 -u {CROWD}").out)
        return guest.run(f"test -e {LIST}", check=False).code == 0

    until(made, f"{shape.count} cgroups", 1800, pause=2)
    guest.run(f"systemd-run -q --collect --unit={FAKE} {BIN}/fake_docker {DOCKER} {LIST} {shape.limit}")


def work(guest: Guest, busy: bool) -> None:
    guest.run(f"systemctl kill --kill-whom=main -s {'USR1' if busy else 'USR2'} {CROWD}")


def remove(guest: Guest) -> None:
    guest.run(f"systemctl stop {FAKE} {CROWD}", timeout=600, check=False)


def trips(guest: Guest) -> int:
    """OOM kills in the cgroups: there must be none."""
    return guest.counters(f"{PARENT}/memory.events").get("oom_kill", 0)
