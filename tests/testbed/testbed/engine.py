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
    before, driver = guest.read(DAEMON_JSON) or "{}", guest.cgroup_driver
    _restart(guest, json.dumps(json.loads(before) | {"exec-opts": [f"native.cgroupdriver={name}"]}), name)
    try:
        yield
    finally:
        _restart(guest, before, driver)


def _restart(guest: Guest, options: str, driver: str) -> None:
    guest.ssh.write(DAEMON_JSON, options)
    guest.run("systemctl restart docker", timeout=180)
    guest.wait_docker()
    guest.record_events()
    info = guest.api("/info")
    assert isinstance(info, dict)
    assert info["CgroupDriver"] == driver, info["CgroupDriver"]
    guest.cgroup_driver = driver
