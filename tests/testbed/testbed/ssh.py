# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Commands and files in the guest, over one multiplexed ssh connection."""

from __future__ import annotations

import shlex
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path


class GuestError(RuntimeError):
    """A command in the guest failed, or the guest did not answer in time."""


@dataclass(frozen=True)
class Result:
    command: str
    code: int
    out: str
    err: str
    seconds: float

    def __str__(self) -> str:
        return f"$ {self.command}\nexit {self.code} after {self.seconds:.1f} s\n{self.out}{self.err}"


class Ssh:
    def __init__(self, port: int, key: Path, control: Path):
        self.port = port
        self._control = control
        self._base = [
            "ssh", "-F", "none", "-p", str(port), "-i", str(key), "-S", str(control), "-l", "root",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes",
            # Without AES instructions in the emulated CPU this is the cheapest cipher.
            "-o", "Ciphers=chacha20-poly1305@openssh.com", "-o", "KexAlgorithms=curve25519-sha256",
            "-o", "ServerAliveInterval=30", "-o", "ServerAliveCountMax=10",
        ]

    def connect(self, timeout: float) -> bool:
        """Starts the master connection in the background; False when the guest does not answer."""
        seconds = max(1, int(timeout))
        argv = [*self._base, "-M", "-N", "-f", "-o", f"ConnectTimeout={seconds}",
                "-o", "ControlPersist=yes", "127.0.0.1"]
        # The master outlives this call, so it must not hold our pipes.
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        try:
            return subprocess.run(argv, timeout=timeout + 5, **quiet).returncode == 0  # type: ignore[call-overload]
        except subprocess.TimeoutExpired:
            return False

    def disconnect(self) -> None:
        subprocess.run([*self._base, "-O", "exit", "127.0.0.1"], timeout=10, check=False,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def forward(self, local: Path, remote: str) -> None:
        """A socket here that is one in the guest, for as long as the connection lasts."""
        local.unlink(missing_ok=True)
        done = subprocess.run([*self._base, "-O", "forward", "-L", f"{local}:{remote}", "127.0.0.1"], timeout=20,
                              stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode != 0:
            raise GuestError(f"cannot forward {remote}: {done.stderr.decode(errors='replace')}")

    def argv(self, command: str | list[str], tty: bool = False) -> list[str]:
        text = command if isinstance(command, str) else shlex.join(command)
        return [*self._base, "-o", "ControlMaster=no", "-t" if tty else "-T", "127.0.0.1", text]

    def run(self, command: str | list[str], timeout: float = 60, check: bool = True,
            data: bytes | None = None) -> Result:
        """Runs a command (a string goes through the guest's shell) and returns what it printed."""
        text = command if isinstance(command, str) else shlex.join(command)
        started = time.monotonic()
        source = {"stdin": subprocess.DEVNULL} if data is None else {"input": data}
        try:
            done = subprocess.run(self.argv(text), capture_output=True, timeout=timeout, **source)  # type: ignore[call-overload]
        except subprocess.TimeoutExpired as late:
            partial = (late.stdout or b"").decode(errors="replace")
            raise GuestError(f"no end after {timeout} s: {text}\n{partial}") from None
        result = Result(text, done.returncode, done.stdout.decode(errors="replace"),
                        done.stderr.decode(errors="replace"), time.monotonic() - started)
        if check and result.code != 0:
            raise GuestError(str(result))
        return result

    def put(self, source: Path, target: str, timeout: float = 120) -> None:
        """Copies a file or a folder's contents; executable bits are kept, ownership is root's."""
        source = Path(source)
        if source.is_dir():
            packed = subprocess.run(
                ["tar", "-C", str(source), "--owner=0", "--group=0", "--exclude=__pycache__", "-c", "."],
                capture_output=True, check=True, timeout=timeout).stdout
            self.run(f"mkdir -p {shlex.quote(target)} && tar -C {shlex.quote(target)} -x",
                     timeout=timeout, data=packed)
            return
        mode = "755" if source.stat().st_mode & 0o100 else "644"
        quoted = shlex.quote(target)
        # To another name first: replacing a program that runs must not fail with "text file busy".
        self.run(f'mkdir -p "$(dirname {quoted})" && if [ -d {quoted} ]; then t={quoted}/{shlex.quote(source.name)};'
                 f' else t={quoted}; fi && cat > "$t.part" && chmod {mode} "$t.part" && mv "$t.part" "$t"',
                 timeout=timeout, data=source.read_bytes())

    def write(self, target: str, text: str) -> None:
        quoted = shlex.quote(target)
        self.run(f'mkdir -p "$(dirname {quoted})" && cat > {quoted}', data=text.encode())

    def get(self, source: str, target: Path, timeout: float = 120) -> None:
        """Copies a file, or a folder into the folder `target`."""
        quoted, target = shlex.quote(source), Path(target)
        if self.run(f"test -d {quoted}", check=False).code == 0:
            target.mkdir(parents=True, exist_ok=True)
            self._stream(f"tar -C {quoted} -c .", ["tar", "-C", str(target), "-x"], timeout)
            return
        if target.is_dir():
            target = target / Path(source).name
        with target.open("wb") as file:
            done = subprocess.run(self.argv(f"cat {quoted}"), stdin=subprocess.DEVNULL, stdout=file,
                                  stderr=subprocess.PIPE, timeout=timeout)
        if done.returncode != 0:
            raise GuestError(f"get {source}: {done.stderr.decode(errors='replace')}")

    def _stream(self, remote: str, local: list[str], timeout: float) -> None:
        packed = subprocess.run(self.argv(remote), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout)
        if packed.returncode != 0:
            raise GuestError(f"{remote}: {packed.stderr.decode(errors='replace')}")
        subprocess.run(local, input=packed.stdout, check=True, timeout=timeout)
