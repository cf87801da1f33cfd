# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Waiting with a limit, saying what for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Late(AssertionError):
    """Something that a test waits for did not happen in time."""


def until(probe: Callable[[], T], what: str, timeout: float, pause: float = 0.3) -> T:
    """Calls `probe` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise Late(f"after {timeout:.0f} s still waiting for: {what} (last answer: {answer!r})")
        time.sleep(pause)
