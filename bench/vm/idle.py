#!/usr/bin/python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What the governor does when nothing happens: wake-ups and reads, with every container far from its limit.

Starts idle containers under a policy, lets the governor settle, then compares the kernel's own counters of its process over a
while: voluntary context switches of all its threads (each wait that ended is one), read system calls, and CPU time. Counts, not
times: the emulation does not blur them.

Build first: cmake --preset release && cmake --build --preset release
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "testbed"))

from testbed.cli import restore  # noqa: E402
from testbed.guest import Guest  # noqa: E402
from testbed.stack import GOVERNOR, Stack  # noqa: E402
from testbed.told import start_governor  # noqa: E402
from testbed.wait import until  # noqa: E402

POLICY = """
version: 1
services:
  idle:
    match: { service: "idle-*" }
    memory: { hard: 64MiB, swap: 0, tripwire: 90% }
    near_oom: { do: graceful_restart }
"""


@dataclass(frozen=True)
class Counters:
    when: float
    wakes: int
    reads: int
    ticks: int

    @staticmethod
    def of(guest: Guest, pid: int) -> "Counters":
        text = guest.run(f"awk '/^voluntary/ {{ n += $2 }} END {{ print n }}' /proc/{pid}/task/*/status; "
                         f"awk '/^syscr/ {{ print $2 }}' /proc/{pid}/io; "
                         f"awk '{{ print $14 + $15 }}' /proc/{pid}/stat; cat /proc/uptime").out.split()
        return Counters(float(text[3]), int(text[0]), int(text[1]), int(text[2]))


def measure(guest: Guest, containers: int, seconds: int) -> str:
    stack = Stack(guest, "idle")
    governor = start_governor(stack, POLICY)
    for i in range(containers):
        stack.service(f"idle-{i}", {"image": "testbed/python", "command": ["sleep", "infinity"], "network_mode": "none"})
    stack.up()
    until(lambda: len(governor.events(None, "armed")) >= containers, "all containers to be armed", 300, pause=2)
    pid = stack.services[GOVERNOR].pid
    time.sleep(20)  # the start's own work is over: the listing, the arming, the log
    before = Counters.of(guest, pid)
    time.sleep(seconds)
    after = Counters.of(guest, pid)
    span = after.when - before.when
    stack.down()
    return (f"{containers:10d} {(after.wakes - before.wakes) / span:12.2f} "
            f"{(after.reads - before.reads) / span / containers * 5:26.1f} {(after.ticks - before.ticks) / span:14.2f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--containers", type=int, nargs="+", default=[1, 8], help="how many, one run for each")
    parser.add_argument("--seconds", type=int, default=90, help="how long each run looks")
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "idle.txt")
    options = parser.parse_args()
    machine = restore(f"pytest-{os.getpid()}", die_with_parent=True)
    try:
        guest = Guest(machine)
        guest.prepare()
        rows = [measure(guest, count, options.seconds) for count in options.containers]
    finally:
        machine.discard()
    text = "\n".join([f"# over {options.seconds} s each; all threads of the governor",
                      f"# {'containers':>8} {'wake-ups/s':>12} {'reads/5 s and container':>26} {'CPU ticks/s':>14}", *rows]) + "\n"
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(text)
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
