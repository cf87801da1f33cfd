# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Main processes of scripted containers: real processes that record each signal they handle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

#: Handled signals are appended to the file, one number a line. A signal of the exit set ends the process with code 0.
_PROGRAM = """
import os, signal, sys
log, handled, ends = sys.argv[1], sys.argv[2].split(","), sys.argv[3].split(",")
def note(number, frame):
    fd = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"%d\\n" % number)
    os.close(fd)
    if str(number) in ends:
        os._exit(0)
for number in filter(None, handled):
    signal.signal(int(number), note)
sys.stdout.write("ready\\n")
sys.stdout.flush()
while True:
    signal.pause()
"""


class MainProcess:
    """Handles `handled`; ends with exit code 0 at a signal of `ends`."""

    def __init__(self, folder: Path, handled: tuple[int, ...] = (signal.SIGTERM,), ends: tuple[int, ...] | None = None):
        self.log = folder / "signals"
        ends = handled if ends is None else ends
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-c", _PROGRAM, str(self.log), ",".join(str(int(n)) for n in handled),
             ",".join(str(int(n)) for n in ends)], stdout=subprocess.PIPE, start_new_session=True)
        assert self._process.stdout is not None and self._process.stdout.readline() == b"ready\n"

    @property
    def pid(self) -> int:
        return self._process.pid

    def signals(self) -> list[int]:
        """The signals that it has handled so far, in order."""
        return [int(line) for line in self.log.read_text().split()] if self.log.exists() else []

    def send(self, number: int) -> None:
        if self.exit_code() is None:
            os.kill(self.pid, number)

    def exit_code(self) -> int | None:
        """As Docker reports it: 128 + n for a death by signal n; None while it runs."""
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def wait(self, timeout: float) -> int | None:
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        return self.exit_code()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
