#!/usr/bin/python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""How much anonymous memory a container with a limit of 128 MiB gets before it is OOM-killed, by the host's kind of swap.

Each page is half random and half zeros, so that it compresses to about one half. What comes beyond 128 MiB is what reclaim
really freed: the figures behind "what counts as reclaimable" in docs/policy-reference.md. The governor is not running.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "testbed"))

from testbed import hosts  # noqa: E402
from testbed.cli import restore  # noqa: E402
from testbed.guest import Guest  # noqa: E402

LIMIT, MOST, STEP = 128, 256, 4
SECONDS = 60
EATER = f"""
import os, sys
held = []
for n in range({MOST // STEP}):
    held.append(b"".join(os.urandom(2048) + bytes(2048) for _ in range({STEP * 256})))
    print((n + 1) * {STEP}, flush=True)
"""
ZSWAP = "/sys/module/zswap/parameters/enabled"
SLICE = "benchswap.slice"


@contextmanager
def zswap(guest: Guest) -> Iterator[None]:
    guest.run(f"echo Y > {ZSWAP}")
    try:
        yield
    finally:
        guest.run(f"echo N > {ZSWAP}")


def got(guest: Guest) -> str:
    """MiB that the container held, and what ended it: the kernel, the most that is tried, or the time."""
    begin = time.monotonic()
    # The container's own clock ends it, so that a stall leaves nothing behind.
    done = guest.docker("run", "--rm", "--network", "none", "--cgroup-parent", SLICE, "-m", f"{LIMIT}m", "--memory-swap", "-1",
                        "testbed/python", "timeout", "--signal=KILL", str(SECONDS), "python3", "-c", EATER,
                        timeout=SECONDS * 3, check=False)
    lines = done.out.split()
    held = int(lines[-1]) if lines else 0
    if held == MOST:
        return f"{held} (the most that was tried)"
    return f"{held} ({'OOM-killed' if time.monotonic() - begin < SECONDS else f'stalled: still alive after {SECONDS} s'})"


def rows(guest: Guest) -> Iterator[tuple[str, list, dict[str, str]]]:
    """Name, what makes the host so, and properties of the slice: systemd takes back what is only written to its files."""
    yield "no swap", [], {}
    yield "disk, vm.swappiness 60", [hosts.swap(guest)], {}
    yield "disk, vm.swappiness 1", [hosts.swap(guest), hosts.sysctl(guest, "vm.swappiness", 1)], {}
    yield "disk, vm.swappiness 0", [hosts.swap(guest), hosts.sysctl(guest, "vm.swappiness", 0)], {}
    yield "disk, MemorySwapMax=64M of the slice", [hosts.swap(guest)], {"MemorySwapMax": "64M"}
    yield "zram", [hosts.zram(guest)], {}
    if guest.read(ZSWAP) is None:
        return  # a kernel without zswap, as Debian's for clouds
    yield "disk behind zswap", [hosts.swap(guest), zswap(guest)], {}
    yield "the same, MemoryZSwapWriteback=no", [hosts.swap(guest), zswap(guest)], {"MemoryZSwapWriteback": "no"}
    yield ("the same, and MemoryZSwapMax=16M", [hosts.swap(guest), zswap(guest)],
           {"MemoryZSwapWriteback": "no", "MemoryZSwapMax": "16M"})


def measure(guest: Guest, file: Path) -> None:
    """Each row is written at once: a run that is broken off leaves what it has measured."""
    out = [f"{'swap':40} MiB held (limit {LIMIT})"]
    for name, settings, properties in rows(guest):
        # A new slice for each row: its limits are at their defaults.
        with hosts.slice_of(guest, SLICE, **properties), ExitStack() as host:
            for setting in settings:
                host.enter_context(setting)
            held = got(guest)
        out.append(f"{name:40} {held}")
        print(out[-1], flush=True)
        file.write_text("\n".join(out) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "swap.txt")
    options = parser.parse_args()
    machine = restore(f"pytest-{os.getpid()}", die_with_parent=True)
    try:
        guest = Guest(machine)
        guest.prepare()
        measure(guest, options.out)
    finally:
        machine.discard()
    return 0


if __name__ == "__main__":
    sys.exit(main())
