#!/usr/bin/python3
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Where the time of a restart goes, by the way it is asked for: Docker's restart, its stop and then its start, and the stop signal
from the kernel's side with Docker's restart policy.

By the times of Docker's own events: stop (the signal to `die`), Docker (`die` to `start`). The container ends 100 ms after its signal, so
that what is measured is Docker's part. The governor is not running.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "testbed"))

from testbed.cli import restore  # noqa: E402
from testbed.guest import Guest  # noqa: E402

ROUNDS = 20
NAME = "bench-away"
WAYS = {"restart": "Docker's restart", "stop_start": "Docker's stop, then its start",
        "signal": "the signal from the kernel's side, Docker's restart policy"}
WORKER = "import os, signal, time\nsignal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.1), os._exit(0)))\nwhile True: signal.pause()"
#: Runs in the guest: a client's start would cost more than what is measured. Prints one line of JSON for each round.
PROBE = """
import http.client, json, os, socket, sys, time
from urllib.parse import quote
name, way, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])

class Docker(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/var/run/docker.sock")

def call(method, path):
    connection = Docker("docker", timeout=120)
    connection.request(method, path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status < 400, (path, answer.status, body)
    return body

def inspect():
    return json.loads(call("GET", f"/containers/{name}/json"))

def events(since, until):
    filters = quote(json.dumps({"container": [name], "type": ["container"]}))
    text = call("GET", f"/events?since={since}&until={until}&filters={filters}").decode()
    return [json.loads(line) for line in text.splitlines()]

for _ in range(rounds):
    # Docker's restart policy waits longer for what has run for less than 10 s.
    time.sleep(11)
    pid, begin = inspect()["State"]["Pid"], time.time_ns()
    if way == "restart":
        call("POST", f"/containers/{name}/restart")
    elif way == "stop_start":
        call("POST", f"/containers/{name}/stop")
        call("POST", f"/containers/{name}/start")
    else:
        os.kill(pid, 15)
    done = time.time_ns()
    while (now := inspect()["State"])["Pid"] in (0, pid) or not now["Running"]:
        time.sleep(0.02)
    seen = {}
    for event in events(begin // 10**9 - 1, time.time() + 0.5):
        if event["timeNano"] >= begin:
            seen.setdefault(event["Action"], event["timeNano"])
    signalled = seen.get("kill", begin)
    print(json.dumps({"asked": (signalled - begin) / 1e6, "stop": (seen["die"] - signalled) / 1e6,
                      "docker": (seen["start"] - seen["die"]) / 1e6, "away": (seen["start"] - begin) / 1e6}), flush=True)
"""
PARTS = ("asked", "stop", "docker", "away")


def rounds_of(guest: Guest, way: str, rounds: int) -> list[dict[str, float]]:
    guest.docker("run", "-d", "--name", NAME, "--network", "none", "-m", "128m", "--restart", "always", "testbed/python", "python3",
                 "-c", WORKER)
    try:
        done = guest.run(["python3", "-c", PROBE, NAME, way, str(rounds)], timeout=rounds * 90)
        return [json.loads(line) for line in done.out.splitlines()]
    finally:
        guest.docker("rm", "-f", NAME, check=False)


def row(name: str, found: list[dict[str, float]]) -> str:
    def cell(part: str) -> str:
        values = sorted(each[part] for each in found)
        return f"{statistics.median(values):.0f} ({values[0]:.0f} to {values[-1]:.0f})"

    return f"{name:60}" + "".join(f"{cell(part):>28}" for part in PARTS)


def measure(guest: Guest, file: Path, rounds: int) -> None:
    """Each row is written at once: a run that is broken off leaves what it has measured."""
    out = [f"{f'median (range) of {rounds}, ms, emulated':60}" + "".join(f"{part:>28}" for part in PARTS)]
    for way, name in WAYS.items():
        out.append(row(name, rounds_of(guest, way, rounds)))
        print(out[-1], flush=True)
        file.write_text("\n".join(out) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "results" / "away.txt")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    machine = restore(f"pytest-{os.getpid()}", die_with_parent=True)
    try:
        guest = Guest(machine)
        guest.prepare()
        measure(guest, options.out, options.rounds)
    finally:
        machine.discard()
    return 0


if __name__ == "__main__":
    sys.exit(main())
