#!/usr/bin/env python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Looks for coroutines that GCC 12 has laid out wrongly, in a binary that it made. Usage: coroutine_frames.py BINARY

A coroutine's frame begins with the addresses of its actor and its destroyer, and the promise follows at 16. Now and
then GCC 12 puts eight bytes before them in the function that begins the coroutine, and not in its body: it dies of
SIGILL at its first resume (docs/common-errors.md). No warning tells, and a unit test only where it runs that
coroutine. Here the beginning functions are read: the two addresses must be stored at 0 of what was allocated.
"""

from __future__ import annotations

import re
import subprocess
import sys


def functions(binary: str):
    """Names and instructions of the functions that begin a coroutine: they take the address of an actor."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-C", binary], check=True, capture_output=True, text=True).stdout
    for block in text.split("\n\n"):
        head, _, body = block.strip().partition("\n")
        name = re.match(r"[0-9a-f]+ <(.*)>:$", head)
        if name and "[clone .actor]" not in name[1] and "[clone .destroy]" not in name[1] and re.search(r"lea .*\[clone \.actor\]>", body):
            yield name[1], body


def first_slot(body: str) -> int | None:
    """Where the pair of addresses is stored. Other vector registers, with what the parameters hold, may be stored before it: the
    addresses are followed from where they are taken."""
    holders: set[str] = set()
    for line in body.split("\n"):
        if taken := re.search(r"lea .*,%(r\w+) .*\[clone \.(actor|destroy)\]>", line):
            holders.add(taken[1])
        elif moved := re.search(r"(?:movq|mov[dau]+p?[sqa]*)\s+%(\w+),%(xmm\d+)$", line):
            holders.discard(moved[2])
            if moved[1] in holders:
                holders.add(moved[2])
        elif stored := re.search(r"mov[ua]ps\s+%(xmm\d+),(?:0x([0-9a-f]+))?\(%r(?!sp)", line):
            if stored[1] in holders:
                return int(stored[2] or "0", 16)
        elif overwritten := re.search(r"\s(?:mov|lea|xor|add|sub|pop)\w*\s.*%(r\w+)(?:\s+#.*)?$", line):
            holders.discard(overwritten[1])
    return None


def main() -> int:
    wrong, right, unread = [], 0, []
    for name, body in functions(sys.argv[1]):
        slot = first_slot(body)
        if slot == 0:
            right += 1
        elif slot is None:
            unread.append(name)
        else:
            wrong.append((name, slot))
    for name, slot in wrong:
        print(f"{name}: its frame begins at {slot} instead of 0; write it another way (docs/common-errors.md)")
    print(f"{right} coroutines are laid out rightly, {len(wrong)} wrongly; {len(unread)} could not be read")
    for name in unread:
        print(f"  not read: {name[:150]}")
    return 1 if wrong or right == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
