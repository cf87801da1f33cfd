# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""org.jobmate.Governor1 on the guest's system bus, with the policy file that is shipped, from a governor in a container."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from testbed import paths
from testbed.guest import Guest
from testbed.stack import Stack
from testbed.told import start_governor
from testbed.wait import until
from testbed.workers import leaker

NAME = "org.jobmate.Governor1"
OBJECT = f"{NAME} /org/jobmate/Governor1"
INSTALLED = f"/etc/dbus-1/system.d/{NAME}.conf"
MONITORED = "/run/testbed/dbus-monitor.jsonl"
POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    memory: { tripwire: 85% }
    near_oom:
      when: { unreclaimable: 85% }
      brake: { docker_timeout: 20s, hold_timeout: 3s }
"""


@pytest.fixture
def bus(vm: Guest) -> Iterator[Guest]:
    """The guest with the policy file installed as docs/deployment.md says, and `busctl monitor` running."""
    vm.ssh.write(INSTALLED, (paths.REPOSITORY / f"deploy/dbus/{NAME}.conf").read_text())
    vm.run("systemctl reload dbus", timeout=120)
    vm.run(f"mkdir -p $(dirname {MONITORED}) && systemd-run --quiet --collect --unit=testbed-monitor "
           f"sh -c 'exec busctl monitor --json=short --match=\"type=signal,interface={NAME}\" > {MONITORED}'")
    yield vm
    vm.run(f"systemctl stop testbed-monitor; rm -f {INSTALLED} {MONITORED}; systemctl reload dbus", timeout=120, check=False)


def heard(guest: Guest) -> list[list]:
    """The arguments of each Event signal that the monitor has seen."""
    lines = (guest.read(MONITORED) or "").splitlines(keepends=True)
    messages = [json.loads(line) for line in lines if line.endswith("\n")]
    return [message["payload"]["data"] for message in messages if message.get("member") == "Event"]


def get(guest: Guest, prop: str) -> dict:
    return json.loads(guest.run(f"busctl --json=short get-property {OBJECT} {NAME} {prop}").out)


def test_it_is_on_the_bus(stack: Stack, bus: Guest) -> None:
    stack.governor(POLICY)
    coach = stack.worker("coach", leaker("c", rate=20, start_after=15), restart="unless-stopped", stop_grace_period="60s")
    stack.up()

    until(lambda: bus.run(f"busctl status {NAME}", check=False).code == 0, "the name to be on the bus", 180, pause=1)
    shown = bus.run(f"busctl introspect {OBJECT}").out
    for member in (".Explain", ".Release", ".Services", ".Version", ".Event"):
        assert member in shown, shown
    assert get(bus, "Version")["type"] == "s"

    def services() -> dict:
        answer = get(bus, "Services")
        assert answer["type"] == "a{sa{sv}}"
        return answer["data"].get(coach.container, {})

    found = until(lambda: "unreclaimable" in (it := services()) and it, "the coach to be looked at", 120, pause=1)
    assert (found["service"]["data"], found["policy"]["data"], found["hard"]["data"]) == ("coach", "coach", 256 << 20)

    # The events of a restart are signals, in order, with the JSON of the log.
    until(lambda: any(event[1:3] == ["restart_finished", "coach"] for event in heard(bus)), "the monitor to see the restart", 240, pause=1)
    events = [event for event in heard(bus) if event[2] == "coach"]
    types = [event[1] for event in events]
    assert [t for t in types if t in ("oom_near", "signalled", "restart_finished")] == ["oom_near", "signalled", "restart_finished"], types
    assert all(json.loads(event[3])["id"] == event[0] for event in events)

    # Root may call all, others may read.
    (answer,) = json.loads(bus.run(f"busctl --json=short call {OBJECT} {NAME} Explain s coach").out)["data"]
    assert json.loads(answer)["service"]["container"] == coach.container
    refused = bus.run(f"busctl call {OBJECT} {NAME} Release s coach", check=False)
    assert "not in quarantine" in refused.err, refused
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups busctl"
    assert bus.run(f"{nobody} call {OBJECT} {NAME} Explain s coach").code == 0
    denied = bus.run(f"{nobody} call {OBJECT} {NAME} Release s coach", check=False)
    assert denied.code != 0 and "denied" in denied.err.lower(), denied


def test_without_a_bus_it_is_one_line(stack: Stack) -> None:
    governor = start_governor(stack, POLICY, bus=None)
    logs = stack.services["governor"].logs()
    assert logs.count(f"not on the system bus as {NAME}") == 1, logs
    assert governor.events(None, "governor_started")
