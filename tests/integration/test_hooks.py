# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Who is told: a real Alertmanager, a target that is away and errs, bad targets beside good ones, programs."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from testbed.guest import APPS, Guest
from testbed.stack import GOVERNOR, Stack
from testbed.told import Governor, start_governor
from testbed.wait import until
from testbed.workers import script

FOLDER = "/run/testbed/hooks"
ALERTS = "http://127.0.0.1:9093/api/v2"
# How long a target is away, in seconds.
USUAL, THOROUGH = 25, 60
GO = "until rm /out/go 2>/dev/null; do sleep 0.2; done"
WATCHED = """
version: 1
services:
  everything:
    match: { service: "*" }
    never: [freeze, restart, kill]
"""


class Unit:
    """A program of the guest's, for as long as a test runs."""

    def __init__(self, guest: Guest, name: str, command: str):
        self.guest, self.name, self.command = guest, f"testbed-{name}", command

    def start(self, after: int = 0) -> None:
        """After so many seconds, by the guest's own clock."""
        delay = f"--on-active={after}" if after else ""
        self.guest.run(f"systemd-run --quiet --collect {delay} --unit={self.name} {self.command}")

    def stop(self) -> None:
        self.guest.run(f"systemctl stop {self.name}.timer {self.name}", check=False)


class Receiver:
    """guest/receiver.py on a port."""

    def __init__(self, guest: Guest, port: int, tls: bool = False):
        self.guest, self.log = guest, f"{FOLDER}/{port}.jsonl"
        guest.ssh.write(f"{FOLDER}/receiver.py", (Path(__file__).parent / "guest/receiver.py").read_text())
        more = f" --tls {FOLDER}/cert.pem {FOLDER}/key.pem" if tls else ""
        self.unit = Unit(guest, f"receiver-{port}", f"python3 {FOLDER}/receiver.py {port} {self.log}{more}")
        self.port = port

    def start(self) -> None:
        self.unit.start()
        self.wait()

    def wait(self) -> None:
        until(lambda: self.guest.run(f"ss -Hltn sport = :{self.port}").out.strip(), "the receiver to listen", 120)

    def requests(self, path: str) -> list[dict]:
        lines = [json.loads(line) for line in (self.guest.read(self.log) or "").splitlines()]
        return [line for line in lines if line["path"].startswith(path)]

    def taken(self, path: str) -> list[dict]:
        """The events that it took, as their JSON."""
        return [json.loads(request["body"]) for request in self.requests(path) if request["status"] == 200]


@pytest.fixture
def units(vm: Guest) -> Iterator[list[Unit]]:
    vm.run(f"rm -rf {FOLDER} && mkdir -p {FOLDER}")
    started: list[Unit] = []
    yield started
    for unit in started:
        unit.stop()


def start_with_hooks(stack: Stack, hooks: str, **more: object) -> Governor:
    return start_governor(stack, WATCHED + hooks, network_mode="host", **more)


def hook_status(stack: Stack) -> dict[str, dict]:
    return {hook["name"]: hook for hook in json.loads(stack.cli("status", "--json").out)["hooks"]}


def test_a_real_alertmanager_hears_of_an_oom_kill_and_of_its_end(stack: Stack, units: list[Unit]) -> None:
    guest = stack.guest
    guest.ssh.write(f"{FOLDER}/alertmanager.yaml", "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n")
    units.append(Unit(guest, "alertmanager", f"prometheus-alertmanager --config.file={FOLDER}/alertmanager.yaml "
                      f"--storage.path={FOLDER}/data --web.listen-address=127.0.0.1:9093 --cluster.listen-address="))
    units[0].start()
    until(lambda: guest.run(f"curl -sf {ALERTS}/status", check=False).code == 0, "Alertmanager to be ready", 120)

    def alerts() -> list[dict]:
        return json.loads(guest.run(f"curl -s --max-time 30 {ALERTS}/alerts").out)

    governor = start_with_hooks(stack, f"""
hooks:
  - on: [oom_killed]
    name: pager
    webhook: {{ url: "{ALERTS}/alerts", format: alertmanager, resend: 10s, resolve_after: 20s }}
""")
    parent = stack.worker("parent", script(f"while true; do {GO}; {APPS}/leaker --rate 0 --start-after 0 --base 60; done"), limit="40m")
    stack.up()
    governor.wait("armed", parent.name)
    assert alerts() == []
    guest.run(f"touch {parent.out}/go")
    (alert,) = until(alerts, "the alert to arrive", 120)
    assert alert["labels"]["alertname"] == "OOMKilled" and alert["labels"]["service"] == "parent", alert
    assert alert["labels"]["verdict"] == "own_limit" and alert["labels"]["culprit"] == "leaker", alert
    assert alert["status"]["state"] == "active"
    # The container lived on, so it is over; Alertmanager forgets what is resolved.
    until(lambda: alerts() == [], "the alert to be resolved", 180)
    assert hook_status(stack)["pager"]["undelivered"] == 0


def test_who_is_away_and_errs_receives_every_event(stack: Stack, units: list[Unit], request: pytest.FixtureRequest) -> None:
    guest = stack.guest
    guest.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=hooks.test", "-addext",
               "subjectAltName=DNS:localhost", "-keyout", f"{FOLDER}/key.pem", "-out", f"{FOLDER}/cert.pem"])
    guest.run(f"mkdir -p {stack.folder}/policies && cp {FOLDER}/cert.pem {stack.folder}/policies/")
    receiver = Receiver(guest, 9443, tls=True)
    governor = start_with_hooks(stack, """
hooks:
  - on: "*"
    name: archive
    webhook:
      url: "https://localhost:9443/flaky/${TOKEN}"
      ca_file: /etc/governor/policies.d/cert.pem
      hmac: { secret: "${SECRET}" }
    retry: { from: 200ms, to: 5s }
  - on: "*"
    name: stranger
    webhook: { url: "https://localhost:9443/good" }
    retry: { from: 200ms, to: 5s }
""", environment={"TOKEN": "t0ken-in-the-path", "SECRET": "s3cret-of-the-hmac"})
    dull = stack.worker("dull", script("sleep 1000"), stop_grace_period="1s")
    stack.up()
    first = governor.wait("armed", dull.name)
    units.append(receiver.unit)
    receiver.unit.start(after=THOROUGH if request.config.getoption("--full") else USUAL)
    # While it is away events pour in, and the governor is killed twice.
    for round in range(3):
        guest.docker("restart", "-t", "0", dull.container)
        governor.wait("armed", dull.name, count=2 + round)
        if round < 2:
            guest.docker("kill", stack.services[GOVERNOR].container)
            guest.docker("start", stack.services[GOVERNOR].container)
            governor.wait("governor_started", count=2 + round)
    receiver.wait()
    missed = [event for event in governor.events(None, "hook_failing") if "'archive'" in event.detail]
    assert missed, "it was away long enough to be missed"
    guest.docker("restart", "-t", "0", dull.container)
    governor.wait("armed", dull.name, count=5)

    def expected() -> list[int]:
        # A hook that is new begins with what happens from then on; it is not told of its own troubles.
        lines = stack.cli("events", "--after", str(first.number - 1), "--json").out.splitlines()
        return [event["id"] for event in map(json.loads, lines) if event["type"] not in ("hook_failing", "hook_recovered")]

    def arrived() -> list[int]:
        return [event["id"] for event in receiver.taken("/flaky")]

    until(lambda: set(expected()) <= set(arrived()), "every event to arrive", 240, pause=2)
    first_times = list(dict.fromkeys(arrived()))
    assert first_times == sorted(first_times), "in their order"
    assert len(first_times) > 10
    assert any(request["status"] == 500 for request in receiver.requests("/flaky")), "it did err"
    for request in receiver.requests("/flaky"):
        sum = hmac.new(b"s3cret-of-the-hmac", request["body"].encode(), hashlib.sha256).hexdigest()
        assert request["headers"]["X-Governor-Signature"] == f"sha256={sum}"
    # Without the file its certificate is nobody's.
    until(lambda: "certificate" in hook_status(stack)["stranger"]["last_error"], "the stranger's certificate to be refused", 60, pause=2)
    assert receiver.requests("/good") == []
    said = stack.services[GOVERNOR].logs() + stack.cli("status", "--json").out + stack.cli("events", "--json").out
    assert "t0ken-in-the-path" not in said and "s3cret-of-the-hmac" not in said


@pytest.mark.full
def test_bad_targets_delay_nobody(stack: Stack, units: list[Unit]) -> None:
    receiver = Receiver(stack.guest, 9080)
    units.append(receiver.unit)
    receiver.start()
    bad = "".join(f"""
  - on: "*"
    name: {name}
    webhook: {{ url: "http://127.0.0.1:9080/{name}", timeout: 1s }}
    retry: {{ from: 100ms, to: 1s, give_up: 1h }}""" for name in ("hang", "loop", "half", "endless", "never", "good"))
    governor = start_with_hooks(stack, f"""
hooks:{bad}
  - on: "*"
    name: stays
    exec: {{ command: [/bin/sh, -c, 'echo "$$GOVERNOR_ID $$GOVERNOR_TYPE" >> /var/lib/governor/told; sleep 1000 & setsid sleep 1000 & exit 0'], timeout: 5s }}
  - on: "*"
    name: hangs
    exec: {{ command: [/bin/sh, -c, 'sleep 1000'], timeout: 1s }}
    retry: {{ from: 100ms, to: 1s, give_up: 1h }}
""")
    dull = stack.worker("dull", script("sleep 1000"), stop_grace_period="1s")
    stack.up()
    governor.wait("armed", dull.name)
    stack.guest.docker("restart", "-t", "0", dull.container)
    governor.wait("armed", dull.name, count=2)
    armed = [event.number for event in governor.events(dull.name, "armed")]

    until(lambda: set(armed) <= {event["id"] for event in receiver.taken("/good")}, "the good target to be told", 120)
    until(lambda: set(armed) <= {event["id"] for event in receiver.taken("/endless")}, "the endless one to be told", 120)
    told = f"{stack.folder}/state/told"
    until(lambda: all(f"{number} armed" in (stack.guest.read(told) or "") for number in armed), "the program to be told", 120)
    until(lambda: all(hook_status(stack)[name]["state"] == "failing" for name in ("hang", "loop", "half", "hangs")),
          "the bad ones to be failing", 120, pause=2)
    status = hook_status(stack)
    assert status["good"]["state"] == status["endless"]["state"] == status["stays"]["state"] == "good", status
    assert "redirect" in status["loop"]["last_error"] and "was killed" in status["hangs"]["last_error"], status

    # What its target refuses is given up, and listed.
    refused = [json.loads(line) for line in stack.cli("events", "--undelivered", "--json").out.splitlines()]
    assert {letter["target"] for letter in refused} == {"never"}, refused
    assert set(armed) <= {letter["event_id"] for letter in refused}
    assert all("answered 400" in letter["error"] and letter["event"]["id"] == letter["event_id"] for letter in refused)
    # What the program left behind is gone with it.
    processes = stack.guest.run("pgrep -fc '^sleep 1000$'", check=False).out.strip()
    assert int(processes) <= 3, "the worker's, and one that is just being killed"
