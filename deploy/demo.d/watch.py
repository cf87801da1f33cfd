# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What comes in while the stack runs: memory samples, the governor's events, Docker's events. One queue for all."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from host import Host
from project import GOVERNOR, NAME, container

SAMPLE_SECONDS = "0.25"
DOCKER_ACTIONS = ("start", "die", "oom")


@dataclass(frozen=True)
class Message:
    kind: str   # "sample", "event", "docker", "save", or "ended": a source is gone
    data: dict


class Watch:
    def __init__(self, host: Host):
        self.host = host
        self.queue: queue.Queue[Message] = queue.Queue()
        self._processes: list[subprocess.Popen] = []

    def docker(self) -> None:
        """Before the stack is started, so that no start is missed."""
        filters = [word for action in DOCKER_ACTIONS for word in ("--filter", f"event={action}")]
        self._follow("docker", ["docker", "events", "--filter", f"label=com.docker.compose.project={NAME}", *filters,
                                "--format", "{{json .}}"])

    def governor(self) -> None:
        self._follow("event", ["docker", "exec", container(GOVERNOR), "governor", "events", "--follow", "--json"])

    def memory(self, slice_: str, cgroup: str) -> None:
        program = (Path(__file__).parent / "sampler.py").read_bytes()
        self._follow("sample", ["python3", "-I", "-S", "-", slice_, cgroup, SAMPLE_SECONDS], program)

    def put(self, kind: str, data: dict) -> None:
        self.queue.put(Message(kind, data))

    def next(self, timeout: float) -> Message | None:
        try:
            return self.queue.get(timeout=max(0.01, timeout))
        except queue.Empty:
            return None

    def _follow(self, kind: str, words: list[str], data: bytes = b"") -> None:
        process = self.host.stream(words, data)
        self._processes.append(process)
        threading.Thread(target=self._read, args=(kind, process), daemon=True).start()

    def _read(self, kind: str, process: subprocess.Popen) -> None:
        assert process.stdout and process.stderr
        for line in process.stdout:
            try:
                self.put(kind, json.loads(line))
            except ValueError:
                continue  # half a line, of a source that was stopped
        self.put("ended", {"source": kind, "why": process.stderr.read().decode(errors="replace").strip()[-500:]})

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + 5
        for process in self._processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
