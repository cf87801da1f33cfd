# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What takes memory away from a database. Each runs until it is stopped, and ends in an OOM kill of its own, not of the guest."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from .guest import APPS, Guest
from .stack import Service, Stack
from .wait import until
from .workers import leaker, script

MIB = 1 << 20
#: The coach's hard limit; it alone can never bring the host into need.
COACH_HARD = 256 * MIB
#: More than any container's or daemon's: who eats is who goes, unless a scenario is about that.
EATER_OOM_SCORE_ADJ = 500


class Attack(Protocol):
    name: str

    def start(self) -> None: ...

    def wait_bite(self) -> None:
        """Until it has taken what it is after for the first time."""
        ...

    def stop(self) -> None: ...


class CoachLeak:
    """The AI coach, leaking as fast as it can below its own hard limit, and restarted by Docker each time it ends."""

    name = "coach"

    def __init__(self, stack: Stack, start_after: float = 5):
        self.stack = stack
        self.service: Service = stack.worker("coach", leaker("c", rate=0, start_after=start_after), restart="unless-stopped",
                                             limit=f"{COACH_HARD >> 20}m", stop_grace_period="60s")

    def start(self) -> None:
        self.stack.up(self.service.name)

    def wait_bite(self) -> None:
        until(lambda: self.service.events("die"), "the coach to end for the first time", 180)

    def stop(self) -> None:
        self.stack.compose("rm", "-s", "-f", self.service.name)


class ContainerEater:
    """A container that nobody governs, without a limit: it grows until the host's memory is gone."""

    name = "container"

    def __init__(self, stack: Stack):
        self.stack, self.guest = stack, stack.guest
        self.service: Service = stack.worker("eater", leaker("c", rate=0, start_after=0), limit=None, restart="always",
                                             stop_signal="SIGKILL", oom_score_adj=EATER_OOM_SCORE_ADJ)

    def start(self) -> None:
        self.stack.up(self.service.name)

    def wait_bite(self) -> None:
        _wait_oom_kill(lambda: self.service.oom_kills())

    def stop(self) -> None:
        self.stack.compose("rm", "-s", "-f", self.service.name)


class HostEater:
    """A process of the host, outside Docker, that does the same."""

    name = "host"
    unit = "testbed-eater"

    def __init__(self, guest: Guest, rate: float = 0, oom_score_adj: int = EATER_OOM_SCORE_ADJ, stop_at: int | None = None):
        self.guest, self.rate, self.oom_score_adj, self.stop_at = guest, rate, oom_score_adj, stop_at
        self._before = 0

    def start(self) -> None:
        self._before += self.oom_kills()
        words = [f"{APPS}/leaker", "--rate", str(self.rate), "--start-after", "0", "--out", "/tmp"]
        words += ["--stop-at", str(self.stop_at)] if self.stop_at else []
        _run_unit(self.guest, self.unit, words, f"OOMScoreAdjust={self.oom_score_adj}", "Restart=always", "RestartSec=1",
                  "StartLimitIntervalSec=0")

    def oom_kills(self) -> int:
        """Since start(): the kernel's log knows of earlier scenarios too."""
        return len(re.findall(rf"oom-kill:.*task_memcg=\S*{self.unit}", self.guest.kernel_log())) - self._before

    def wait_bite(self) -> None:
        _wait_oom_kill(self.oom_kills)

    def stop(self) -> None:
        _stop_unit(self.guest, self.unit)


class Backup:
    """Reads and writes files larger than the memory, again and again, as a backup with `dd` does."""

    name = "backup"
    unit = "testbed-backup"
    folder = "/var/tmp/backup"

    def __init__(self, guest: Guest, read: int = 2048 * MIB, write: int = 256 * MIB):
        self.guest, self.read, self.write = guest, read, write

    def start(self) -> None:
        # Holes are read through the page cache like data, and cost the emulated disk nothing.
        self.guest.run(f"mkdir -p {self.folder} && truncate -s {self.read} {self.folder}/source && rm -f {self.folder}/rounds")
        loop = (f"cd {self.folder} && while :; do dd if=source of=/dev/null bs=1M status=none; "
                f"dd if=/dev/zero of=copy bs=1M count={self.write >> 20} status=none; echo done >> rounds; done")
        _run_unit(self.guest, self.unit, ["sh", "-c", loop])

    def wait_bite(self) -> None:
        until(lambda: self.guest.read(f"{self.folder}/rounds"), "the backup's first round", 240, pause=1)

    def stop(self) -> None:
        _stop_unit(self.guest, self.unit)
        self.guest.run(["rm", "-rf", self.folder])


#: By name, in the order of the scenarios.
ATTACKS: dict[str, Callable[[Stack], Attack]] = {
    CoachLeak.name: CoachLeak,
    ContainerEater.name: ContainerEater,
    HostEater.name: lambda stack: HostEater(stack.guest),
    Backup.name: lambda stack: Backup(stack.guest),
}


@contextmanager
def under(attack: Attack) -> Iterator[Attack]:
    """The attack is on, and has bitten once; it is stopped whatever happens."""
    attack.start()
    try:
        attack.wait_bite()
        yield attack
    finally:
        attack.stop()


def steady_worker(stack: Stack, name: str, held: int, **more: object) -> Service:
    """A container without a limit that holds so many bytes and does nothing."""
    work = leaker("c", rate=0, start_after=0, stop_at=held >> 20)
    return stack.worker(name, work, **({"limit": None} | more))


def sleeper(stack: Stack, name: str, **more: object) -> Service:
    """A container whose memory does not matter; it ends when asked to."""
    return stack.worker(name, script("trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"), **({"limit": None} | more))


@contextmanager
def small_host(guest: Guest, available: int) -> Iterator[None]:
    """A host with so much memory left: emulation is too slow to eat 4 GiB. The rest is set aside as huge pages, which the kernel
    counts as used by nobody in particular, and gives back at once."""
    pages = "/proc/sys/vm/nr_hugepages"
    guest.run("sync; echo 3 > /proc/sys/vm/drop_caches; echo 1 > /proc/sys/vm/compact_memory")
    left = available_memory(guest)
    assert left > available, f"the guest has only {left >> 20} MiB left"
    guest.run(f"echo {(left - available) // (2 * MIB)} > {pages}")
    try:
        now = available_memory(guest)
        assert now < available + 64 * MIB, f"huge pages could not be had: {now >> 20} MiB are still available"
        yield
    finally:
        guest.run(f"echo 0 > {pages}")


def available_memory(guest: Guest) -> int:
    """MemAvailable, in bytes."""
    found = re.search(r"MemAvailable:\s+(\d+) kB", guest.read("/proc/meminfo") or "")
    assert found
    return int(found.group(1)) << 10


def _wait_oom_kill(count: Callable[[], int]) -> None:
    until(lambda: count() > 0, "the kernel to be out of memory", 240, pause=1)


def _run_unit(guest: Guest, unit: str, words: list[str], *properties: str) -> None:
    options = [word for value in ("KillSignal=SIGKILL", *properties) for word in ("-p", value)]
    guest.run(f"systemctl reset-failed {unit} 2>/dev/null; systemd-run --quiet --collect --unit={unit} "
              f"{shlex.join([*options, *words])}")


def _stop_unit(guest: Guest, unit: str) -> None:
    guest.run(f"systemctl stop {unit}; systemctl reset-failed {unit} 2>/dev/null; true")
