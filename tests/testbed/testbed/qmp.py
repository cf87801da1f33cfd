# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A small QMP client: one command at a time, events are skipped, every wait has a limit."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path


class QmpError(RuntimeError):
    pass


class Qmp:
    def __init__(self, path: Path, timeout: float = 10):
        deadline = time.monotonic() + timeout
        while True:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                self._socket.connect(str(path))
                break
            except OSError as error:
                self._socket.close()
                if time.monotonic() > deadline:
                    raise QmpError(f"no QMP at {path}: {error}") from error
                time.sleep(0.02)
        self._socket.settimeout(timeout)
        self._file = self._socket.makefile("r", encoding="utf-8")
        self._read()  # the greeting
        self.execute("qmp_capabilities")

    def __enter__(self) -> "Qmp":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def _read(self) -> dict:
        line = self._file.readline()
        if not line:
            raise QmpError("QEMU closed the connection")
        return json.loads(line)

    def execute(self, command: str, **arguments: object) -> object:
        message: dict = {"execute": command}
        if arguments:
            message["arguments"] = arguments
        self._socket.sendall(json.dumps(message).encode() + b"\n")
        while True:
            try:
                answer = self._read()
            except TimeoutError as error:
                raise QmpError(f"no answer to {command}") from error
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise QmpError(f"{command}: {answer['error']['desc']}")

    def monitor(self, line: str) -> str:
        """A command of the human monitor, for what QMP itself does not offer."""
        return str(self.execute("human-monitor-command", **{"command-line": line}))

    def ignore_shared_memory(self) -> None:
        """Leave RAM that lives in a file out of the migration stream: the file is the copy."""
        capability = {"capability": "x-ignore-shared", "state": True}
        self.execute("migrate-set-capabilities", capabilities=[capability])

    def wait_migration(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            status = self.execute("query-migrate").get("status")  # type: ignore[union-attr]
            if status == "completed":
                return
            if status in ("failed", "cancelled"):
                raise QmpError(f"migration {status}")
            time.sleep(0.02)
        raise QmpError(f"migration not complete after {timeout} s")
