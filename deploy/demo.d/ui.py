# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What the user sees: colours, progress lines, the bar. Looks right without a terminal, without colours and without UTF-8."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

MIB = 1 << 20
QUIET_SECONDS = 2      # shorter work needs no line of its own while it runs
REMINDER_SECONDS = 15  # without a terminal: that it still runs
CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def mib(count: float | None) -> str:
    return "-" if count is None else f"{count / MIB:.0f} MiB"


def seconds(milliseconds: float | None) -> str:
    return "-" if milliseconds is None else f"{milliseconds / 1000:.1f} s"


class Screen:
    def __init__(self) -> None:
        out = sys.stdout
        self.tty = out.isatty() and os.environ.get("TERM") != "dumb"
        self._colours = self.tty and not os.environ.get("NO_COLOR")
        self._utf8 = (out.encoding or "").lower().replace("-", "") == "utf8"
        self._lock = threading.RLock()
        self._status = ""

    # -- pieces ----------------------------------------------------------------------------------
    def paint(self, colour: str, text: str) -> str:
        return f"\033[{CODES[colour]}m{text}\033[0m" if self._colours and colour else text

    def glyph(self, pretty: str, plain: str) -> str:
        return pretty if self._utf8 else plain

    @property
    def width(self) -> int:
        return shutil.get_terminal_size((100, 24)).columns

    # -- lines -----------------------------------------------------------------------------------
    def line(self, text: str = "") -> None:
        with self._lock:
            self._erase()
            print(text, flush=True)
            self._draw()

    def note(self, text: str) -> None:
        self.line(self.paint("dim", f"      {text}"))

    def status(self, text: str) -> None:
        """The one line at the bottom that changes in place; without a terminal there is none."""
        with self._lock:
            self._erase()
            self._status = text
            self._draw()

    def _erase(self) -> None:
        if self.tty and self._status:
            sys.stdout.write("\r\033[K")

    def _draw(self) -> None:
        if self.tty and self._status:
            sys.stdout.write(self._status)
            sys.stdout.flush()

    # -- progress --------------------------------------------------------------------------------
    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        begin = time.monotonic()
        over = threading.Event()
        ticker = threading.Thread(target=self._tick, args=(text, begin, over), daemon=True)
        ticker.start()
        mark = self.paint("red", self.glyph("✗", "x"))
        try:
            yield
            mark = self.paint("green", self.glyph("✓", "+"))
        finally:
            over.set()
            ticker.join()
            self.status("")
            took = time.monotonic() - begin
            self.line(f"  {mark} {text}" + (self.paint("dim", f" ({took:.1f} s)") if took > 0.5 else ""))

    def _tick(self, text: str, begin: float, over: threading.Event) -> None:
        if self.tty:
            while not over.wait(0.2):
                shown = text[:max(10, self.width - 16)]  # a line that wraps could not be taken back
                self.status(f"  {self.glyph('⋯', '.')} {shown} {self.paint('dim', f'{time.monotonic() - begin:.0f} s')}")
            return
        wait: float = QUIET_SECONDS
        while not over.wait(wait):
            wait = REMINDER_SECONDS
            self.line(f"  {self.glyph('⋯', '.')} {text}: {time.monotonic() - begin:.0f} s so far")

    # -- the bar ---------------------------------------------------------------------------------
    def bar(self, used: float, cache: float, tripwire: float, hard: float, frozen: bool, cells: int) -> str:
        """Unreclaimable memory, then page cache, up to the hard limit; the tripwire is a mark in it."""
        full = min(cells, round(cells * used / hard))
        filled = min(cells, max(full, round(cells * (used + cache) / hard)))
        at = min(cells - 1, round(cells * tripwire / hard))
        colour = "cyan" if frozen else "red" if used >= tripwire else "yellow" if used >= 0.75 * hard else "green"
        text = [self.glyph("█", "#")] * full + [self.glyph("░", ":")] * (filled - full)
        text += [self.glyph("·", ".")] * (cells - filled)
        text[at] = self.glyph("┃", "|")
        return "[" + self.paint(colour, "".join(text[:full])) + "".join(text[full:]) + "]"


def table(rows: list[list[str]], indent: str = "  ") -> list[str]:
    """Columns as wide as they need to be."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
