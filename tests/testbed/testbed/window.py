# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Looks into the guest without a process there for each: files through one reader, Docker's API through its forwarded socket.

A test polls, and half of an emulated guest's time went into `cat` and `curl` (docs/testing.md)."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
from pathlib import Path

from .ssh import GuestError, Ssh

READER = "/run/testbed/reader.sock"
DOCKER = "/run/docker.sock"
PROGRAM = "/opt/testbed/apps/reader.py"


class Missing(Exception):
    """The file is gone, or cannot be read: for a cgroup's a normal outcome."""


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float):
        super().__init__("docker", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Window:
    """Raises OSError when there is no way through it: the caller then takes the dearer one."""

    def __init__(self, ssh: Ssh, folder: Path):
        self._ssh, self._folder = ssh, folder
        self._client: socket.socket | None = None
        self._files: dict[str, bytes] = {}

    def open(self) -> None:
        """Starts the reader in the guest, and the two forwards."""
        self._ssh.run("mkdir -p /run/testbed; systemctl stop testbed-reader 2>/dev/null; "
                      f"systemd-run --quiet --collect --unit=testbed-reader -p OOMScoreAdjust=-1000 python3 -I -S {PROGRAM} {READER}")
        for name, remote in (("reader", READER), ("docker", DOCKER)):
            self._ssh.forward(self._socket(name), remote)

    def read(self, path: str, begin: int = 0) -> bytes:
        if self._client is None:
            self._client = self._connect()
        try:
            return self._ask(self._client, path, begin)
        except (OSError, ValueError):
            self._client.close()
            self._client = None
            raise OSError(f"the guest's reader did not answer for {path}") from None

    def grown(self, path: str) -> bytes:
        """The whole of a file that others append to; only what is new crosses. One that was emptied begins anew."""
        known = self._files.get(path, b"")
        tail = known[-64:]
        text = self.read(path, len(known) - len(tail)) if known else self.read(path)
        if not text.startswith(tail):
            known, tail, text = b"", b"", self.read(path)
        self._files[path] = known + text[len(tail):]
        return self._files[path]

    def docker(self, path: str, timeout: float) -> object:
        """A GET of Docker's API."""
        with contextlib.closing(_OverSocket(self._socket("docker"), timeout)) as connection:
            try:
                connection.request("GET", path)
                return json.loads(connection.getresponse().read())
            except (http.client.HTTPException, ValueError) as error:
                raise OSError(f"Docker did not answer {path}: {error}") from None

    def delete(self, path: str, timeout: float) -> int:
        """A DELETE of Docker's API; returns its status."""
        with contextlib.closing(_OverSocket(self._socket("docker"), timeout)) as connection:
            try:
                connection.request("DELETE", path)
                answer = connection.getresponse()
                answer.read()
                return answer.status
            except http.client.HTTPException as error:
                raise OSError(f"Docker did not answer DELETE {path}: {error}") from None

    def _socket(self, name: str) -> Path:
        return self._folder / f"{name}.sock"

    def _connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(20)
        try:
            client.connect(str(self._socket("reader")))
        except OSError:
            client.close()
            raise
        return client

    @staticmethod
    def _ask(client: socket.socket, path: str, begin: int) -> bytes:
        client.sendall(json.dumps({"path": path, "from": begin}).encode() + b"\n")
        got = b""
        while b"\n" not in got:
            part = client.recv(1 << 16)
            if not part:
                raise OSError("closed")
            got += part
        line, _, rest = got.partition(b"\n")
        head = json.loads(line)
        if "errno" in head:
            raise Missing(os.strerror(head["errno"]))
        parts, left = [rest], head["size"] - len(rest)
        while left > 0:
            part = client.recv(min(left, 1 << 20))
            if not part:
                raise OSError("closed")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
