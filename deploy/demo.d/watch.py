# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What comes in while the stack runs, in the order in which it happened: memory samples, the governor's events, Docker's
events, the tracker's log."""

from __future__ import annotations

import heapq
import itertools
import json
import queue
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from host import Host
from project import GOVERNOR, NAME, TRACKER, container

SAMPLE_SECONDS = "0.25"
DOCKER_ACTIONS = ("start", "die", "oom")
# Each source has a delay of its own. Held back this long, what happened first is shown first.
HOLD_SECONDS = 1.5


@dataclass(frozen=True)
class Message:
    kind: str   # "sample", "event", "docker", "tracker", or "ended": a source is gone
    data: dict


class Watch:
    def __init__(self, host: Host):
        self.host = host
        self.queue: queue.Queue[Message] = queue.Queue()
        self._processes: list[subprocess.Popen] = []
        self._held: list[tuple[int, int, float, Message]] = []
        self._number = itertools.count()

    def docker(self) -> None:
        """Before the stack is started, so that no start is missed."""
        filters = [word for action in DOCKER_ACTIONS for word in ("--filter", f"event={action}")]
        self._follow("docker", ["docker", "events", "--filter", f"label=com.docker.compose.project={NAME}", *filters,
                                "--format", "{{json .}}"])

    def governor(self) -> None:
        self._follow("event", ["docker", "exec", container(GOVERNOR), "governor", "events", "--follow", "--json"])

    def tracker(self) -> None:
        self._follow("tracker", ["docker", "logs", "--follow", container(TRACKER)], both=True)

    def memory(self, slice_: str, cgroup: str) -> None:
        program = (Path(__file__).parent / "sampler.py").read_bytes()
        self._follow("sample", ["python3", "-I", "-S", "-", slice_, cgroup, SAMPLE_SECONDS], program)

    def put(self, kind: str, data: dict) -> None:
        self.queue.put(Message(kind, data))

    def next(self, timeout: float) -> Message | None:
        """The next one as it comes."""
        try:
            return self.queue.get(timeout=max(0.01, timeout))
        except queue.Empty:
            return None

    def next_in_order(self, timeout: float) -> Message | None:
        """The next one as it happened; what has no time of the host's comes at once."""
        message = self.next(min(timeout, 0.1))
        if message is not None:
            at = message.data.get("t") or message.data.get("monotonic_ns")
            if at is None:
                return message
            heapq.heappush(self._held, (at, next(self._number), time.monotonic(), message))
        if self._held and any(time.monotonic() - came >= HOLD_SECONDS for _, _, came, _ in self._held):
            return heapq.heappop(self._held)[3]
        return None

    def _follow(self, kind: str, words: list[str], data: bytes = b"", both: bool = False) -> None:
        process = self.host.stream(words, data, both)
        self._processes.append(process)
        threading.Thread(target=self._read, args=(kind, process), daemon=True).start()

    def _read(self, kind: str, process: subprocess.Popen) -> None:
        assert process.stdout
        for line in process.stdout:
            if kind == "tracker":
                self.put(kind, {"line": line.decode(errors="replace").strip()})
                continue
            try:
                self.put(kind, json.loads(line))
            except ValueError:
                continue  # half a line, of a source that was stopped
        why = process.stderr.read().decode(errors="replace").strip()[-500:] if process.stderr else ""
        self.put("ended", {"source": kind, "why": why})

    def stop(self) -> None:
        for process in self._processes:
            process.terminate()
        deadline = time.monotonic() + 5
        for process in self._processes:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
