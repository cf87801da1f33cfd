#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A healthy container that looks full: reads and writes files larger than its memory limit, so that
memory.current sits at the limit while nearly all of it is page cache. Ends with 0 on SIGTERM."""

import argparse
import os
import signal
import sys

BLOCK = 1 << 20


def churn(folder, number, size_mb):
    path = os.path.join(folder, f"churn-{number}.bin")
    if not os.path.exists(path):
        block = os.urandom(BLOCK)
        with open(path, "wb") as file:
            for _ in range(size_mb):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())  # dirty pages cannot be dropped; only clean ones are harmless
    with open(path, "rb") as file:
        while file.read(BLOCK):
            pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", default="/out")
    parser.add_argument("--files", type=int, default=4)
    parser.add_argument("--size", type=int, default=128, help="MiB of each file")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    while True:
        for number in range(options.files):
            churn(options.dir, number, options.size)
            print(f"churned {number}", flush=True)


if __name__ == "__main__":
    main()
