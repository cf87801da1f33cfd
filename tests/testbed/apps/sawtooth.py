#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A healthy worker that takes memory and gives it back, again and again: a garbage collector's saw-teeth, or short bursts.

Sizes are MiB of its own cgroup's memory.current, so that it comes exactly as near to a limit as it is told to. What it is sent is noted
in OUT/signals, one name a line: nobody has a reason to send it anything.
"""

import argparse
import mmap
import os
import signal
import sys
import time

MIB = 1 << 20
STEP = 1 * MIB


def current():
    with open("/sys/fs/cgroup/memory.current", encoding="ascii") as file:
        return int(file.read())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--low", type=float, default=150, help="MiB that it always has")
    parser.add_argument("--high", type=float, default=380, help="MiB at which it gives back what is above --low")
    parser.add_argument("--rate", type=float, default=40, help="MiB/s on the way up, 0 = as fast as it goes")
    parser.add_argument("--hold", type=float, default=0.5, help="seconds at the top")
    parser.add_argument("--rest", type=float, default=2, help="seconds at the bottom")
    parser.add_argument("--out", default="/out")
    options = parser.parse_args()

    def on_term(number, _frame):
        with open(os.path.join(options.out, "signals"), "a", encoding="ascii") as file:
            file.write(signal.Signals(number).name + "\n")
        sys.exit(0)

    signal.signal(signal.SIGTERM, on_term)
    kept = []

    def grow(until, rate):
        begun, taken = time.monotonic(), 0
        # A step short of it: what the step itself takes must not be what crosses a limit.
        while current() + STEP < until * MIB:
            while rate and taken > rate * MIB * (time.monotonic() - begun):
                time.sleep(0.01)
            block = mmap.mmap(-1, STEP)  # its own mapping: closing it really gives it back
            block.write(b"\x5a" * STEP)
            kept.append(block)
            taken += STEP

    grow(options.low, 0)
    always = len(kept)
    while True:
        grow(options.high, options.rate)
        time.sleep(options.hold)
        for block in kept[always:]:
            block.close()
        del kept[always:]
        time.sleep(options.rest)


if __name__ == "__main__":
    main()
