# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Docker's own clients read the governor's events from its socket, beside Docker's; a systemd unit's go to the journal."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from testbed.guest import Guest
from testbed.stack import Service, Stack
from testbed.told import start_governor
from testbed.wait import until
from testbed.workers import leaker, script

SOCKET = "/run/governor/governor.sock"
HOST = f"unix://{SOCKET}"
ACTIONS = ("oom_near", "graceful_restart")
POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    memory: { hard: 256MiB, swap: 0, tripwire: 90% }
    near_oom:
      brake: { docker_timeout: 20s, hold_timeout: 3s }
    restart: { backoff: { from: 10m, to: 10m } }
  other:
    match: { service: other }
    memory: { hard: 256MiB, swap: 0 }
"""


class Reader:
    """A client in the guest that writes what it reads into a file."""

    def __init__(self, stack: Stack, name: str, command: str):
        self.guest, self.file = stack.guest, f"{stack.folder}/{name}.jsonl"
        self.unit = f"{stack.project}-{name}"
        self.guest.run(f"mkdir -p {stack.folder}")
        self.guest.run(["systemd-run", "--quiet", "--collect", f"--unit={self.unit}", "sh", "-c", f"exec {command} > {self.file}"])

    def events(self) -> list[dict]:
        lines = (self.guest.read(self.file) or "").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait(self, action: str, timeout: float = 60) -> dict:
        return until(lambda: [e for e in self.events() if e["Action"] == action], f"{action} in {self.file}", timeout, pause=0.5)[0]

    def stop(self) -> None:
        self.guest.run(["systemctl", "stop", self.unit], check=False)


@contextmanager
def forwarded(guest: Guest, folder: Path) -> Iterator[str]:
    """The governor's socket as a socket of this machine."""
    local = folder / "governor.sock"
    words = ["-o", "ExitOnForwardFailure=yes", "-N", "-L", f"{local}:{SOCKET}"]
    argv = guest.ssh.argv("")[:-2] + words + ["127.0.0.1"]
    tunnel = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(local.exists, "the forwarded socket", 30)
        yield f"unix://{local}"
    finally:
        tunnel.terminate()
        tunnel.wait(10)


class PythonReader:
    """python3-docker on this machine, as a script of an operator uses it."""

    def __init__(self, url: str, label: str):
        self.client = docker.DockerClient(base_url=url)
        self.seen: list[dict] = []
        stream = self.client.events(decode=True, filters={"event": list(ACTIONS), "label": label})
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: Iterator[dict]) -> None:
        try:
            for event in stream:
                self.seen.append(event)
        except Exception:  # noqa: BLE001  the tunnel goes at the end of the test
            pass


def check_reason(event: dict, coach: Service, container: str) -> None:
    attributes = event["Actor"]["Attributes"]
    assert event["Type"] == "container" and event["Actor"]["ID"] == container
    assert attributes["name"] == coach.container and attributes["image"] == "testbed/python"
    assert attributes["com.docker.compose.service"] == "coach"
    assert attributes["governor.rule"] == "unreclaimable" and attributes["governor.measured"].endswith("MiB")
    assert attributes["governor.policy"] == "coach"


def test_dockers_own_clients_see_a_restart(stack: Stack, tmp_path: Path) -> None:
    governor = start_governor(stack, POLICY)
    label = "com.docker.compose.service=coach"
    filters = " ".join(f"--filter event={action}" for action in ACTIONS)
    asked = Reader(stack, "asked", f"docker -H {HOST} events --format '{{{{json .}}}}' {filters} --filter label={label}")
    # Raw, so that nothing is encoded anew on the way.
    whole = Reader(stack, "whole", f"curl -sN --unix-socket {SOCKET} http://d/v1.45/events")
    with forwarded(stack.guest, tmp_path) as url:
        python = PythonReader(url, label)
        coach = stack.worker("coach", leaker("c", base=150, rate=30, start_after=8), restart="unless-stopped",
                             stop_grace_period="60s")
        stack.worker("other", script("trap 'exit 0' TERM; while :; do sleep 1; done"))
        stack.up()
        finished = governor.wait("restart_finished", "coach", timeout=180)
        assert finished.raw["outcome"] == "graceful", governor.timeline()
        container = coach.id

        seen = asked.wait("graceful_restart")
        assert [event["Action"] for event in asked.events()] == list(ACTIONS)
        for event in asked.events():
            check_reason(event, coach, container)
        assert seen["Actor"]["Attributes"]["governor.outcome"] == "graceful"
        assert seen["Actor"]["Attributes"]["governor.event_id"] == str(finished.raw["id"])

        until(lambda: len(python.seen) >= 2, "python3-docker to see both", 60)
        assert [event["Action"] for event in python.seen] == list(ACTIONS)
        assert python.client.ping() and python.client.version()["ApiVersion"] == "1.45"
        past = python.client.events(decode=True, since=seen["time"] - 1, until=seen["time"] + 1,
                                    filters={"event": "graceful_restart"})
        assert [event["timeNano"] for event in past] == [seen["timeNano"]]

    # Docker's own, of all kinds, as Docker sent them, in one stream with the governor's.
    whole.wait("graceful_restart")
    events = whole.events()
    assert {"container", "network", "daemon"} >= {event["Type"] for event in events} >= {"container", "network"}
    of_coach = [event["Action"] for event in events if event["Actor"]["ID"] == container]
    order = ["create", "start", "armed", "oom_near", "kill", "die", "start", "graceful_restart"]
    rest = iter(of_coach)
    assert all(action in rest for action in order), of_coach
    direct = stack.guest.run(f"curl -s --unix-socket /run/docker.sock 'http://d/events?since=1&until={seen['time']}'").out
    lines = set((stack.guest.read(whole.file) or "").splitlines())
    dies = [line for line in direct.splitlines() if '"Action":"die"' in line and container in line]
    assert dies and set(dies) <= lines

    ended = stack.guest.run(f"docker -H {HOST} events --since 1h --until 0s {filters} --filter type=container "
                            f"--filter container={coach.container}").out.splitlines()
    assert [line.split()[2] for line in ended] == list(ACTIONS)
    refused = stack.guest.run(f"docker -H {HOST} ps", check=False)
    assert refused.code == 1 and "page not found" in refused.err
    asked.stop()
    whole.stop()


@pytest.mark.full
@pytest.mark.once
def test_a_units_events_are_entries_of_the_journal(stack: Stack) -> None:
    """The governor's image as a folder, run by systemd: its standard output is the journal."""
    guest, root = stack.guest, f"/opt/{stack.project}"
    stack.policy(POLICY)
    guest.run(f"mkdir -p {root} && docker create --name {stack.project}-image {guest.governor_image} version && "
              f"docker export {stack.project}-image | tar -C {root} -x && docker rm {stack.project}-image", timeout=180)
    guest.run(f"cp {stack.folder}/policies/policy.yaml {root}/policy.yaml")
    unit = f"{stack.project}.service"
    words = ["systemd-run", "--quiet", "--collect", f"--unit={unit}", "-p", f"RootDirectory={root}", "-p", "MountAPIVFS=yes",
             "-p", "BindPaths=/run /sys/fs/cgroup", "/usr/local/bin/governor", "run", "--policy", "/policy.yaml",
             "--socket", f"/run/{stack.project}.sock", "--docker-socket", "/run/docker.sock"]
    guest.run(words)

    def entries() -> list[dict]:
        found = guest.run(f"journalctl -o json -u {unit} GOVERNOR_TYPE=governor_started").out
        return [json.loads(line) for line in found.splitlines()]

    (entry,) = until(entries, "the journal to have governor_started", 60, pause=1)
    assert entry["SYSLOG_IDENTIFIER"] == "governor" and entry["PRIORITY"] == "6"
    assert json.loads(entry["MESSAGE"])["type"] == "governor_started"
    assert entry["GOVERNOR_EVENT_ID"] == str(json.loads(entry["MESSAGE"])["id"])
    guest.run(["systemctl", "stop", unit])
