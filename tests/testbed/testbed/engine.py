# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""dockerd with other options for a while."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from .guest import Guest

DAEMON_JSON = "/etc/docker/daemon.json"


@contextmanager
def cgroup_driver(guest: Guest, name: str) -> Iterator[None]:
    """Docker with the driver `systemd` or `cgroupfs`. Changing it restarts dockerd: use it around a stack, not within."""
    if guest.cgroup_driver == name:
        yield
        return
    before = guest.cgroup_driver
    _use_driver(guest, name)
    try:
        yield
    finally:
        _use_driver(guest, before)


def restart(guest: Guest, options: dict) -> None:
    """Adds `options` to dockerd's options, restarts it, and waits until it answers."""
    known = json.loads(guest.read(DAEMON_JSON) or "{}")
    guest.ssh.write(DAEMON_JSON, json.dumps(known | options))
    guest.run("systemctl restart docker", timeout=180)
    guest.wait_docker()
    guest.record_events()


def _use_driver(guest: Guest, name: str) -> None:
    restart(guest, {"exec-opts": [f"native.cgroupdriver={name}"]})
    info = guest.api("/info")
    assert isinstance(info, dict)
    assert info["CgroupDriver"] == name, info["CgroupDriver"]
    guest.cgroup_driver = name
