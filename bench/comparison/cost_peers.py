# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The peers as daemons whose cost is measured: each looks at what it can look at, with thresholds that nothing comes to."""

from __future__ import annotations

import json
from collections.abc import Callable

from testbed.guest import Guest

from . import packages
from .candidates import OOMD_OPTIONS
from .cost import Daemon

SCOPES = "system.slice/docker-*.scope"
#: A scope has 16 MiB at most, and works below 60 % of it.
NEVER = "15.9M"
#: nohang's own slice would put it out of the probe's sight.
SLICE = "[Service]\nSlice=system.slice\n"


def _oomd(guest: Guest) -> None:
    above = {"name": "memory_above", "args": {"cgroup": SCOPES, "threshold_anon": NEVER, "duration": "0"}}
    kill = {"name": "kill_by_memory_size_or_growth", "args": {"cgroup": SCOPES, "dry": "true"}}
    rules = {"rulesets": [{"name": "a scope near its limit", "detectors": [["anon", above]], "actions": [kill]}]}
    guest.ssh.write("/etc/oomd/cost.json", json.dumps(rules))
    guest.ssh.write("/etc/default/oomd", OOMD_OPTIONS.format(config="/etc/oomd/cost.json"))


def _systemd_oomd(guest: Guest) -> None:
    """It watches the descendants of what is managed by pressure: all scopes."""
    guest.run("systemctl set-property --runtime system.slice ManagedOOMMemoryPressure=kill ManagedOOMMemoryPressureLimit=99%")


def _nohang(guest: Guest) -> None:
    guest.ssh.write("/etc/systemd/system/nohang.service.d/slice.conf", SLICE)


def _nothing(_: Guest) -> None:
    pass


def _peer(unit: str, prepare: Callable[[Guest], None]) -> Daemon:
    def install(guest: Guest) -> None:
        packages.install(guest)  # once for all of them
        prepare(guest)

    def start(guest: Guest, _: int) -> float:
        done = guest.run(f"systemctl daemon-reload; systemctl restart {unit} && sleep 5 && [ $(systemctl show -P NRestarts {unit}) = 0 ] "
                         f"|| {{ journalctl -u {unit} -n 20 -o cat >&2; exit 1; }}", timeout=180)
        return done.seconds - 5

    def stop(guest: Guest) -> None:
        guest.run(["systemctl", "stop", unit], timeout=120, check=False)

    return Daemon(unit, install, start, stop)


PEERS = [_peer("earlyoom", _nothing), _peer("nohang", _nohang), _peer("systemd-oomd", _systemd_oomd), _peer("oomd", _oomd)]
