# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""`governor annotate`: what it prints is a file that the real `docker compose` takes, and its limits hold from the first instruction."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from testbed.guest import CGROUP, Guest
from testbed.ssh import Result
from testbed.wait import until

MIB = 1 << 20
PROJECT, FOLDER = "annotated", "/srv/annotated"
POLICY = """
version: 1
services:
  coach:
    match: { service: coach }
    memory: { hard: 256MiB, swap: 0, tripwire: 75% }
    near_oom: { do: graceful_restart }
  redis:
    match: { service: redis }
    reserve: { min: 64MiB }
    never: [freeze, restart, kill]
"""
# What the first instruction of the container finds, as its own cgroup namespace shows it.
COMPOSE = """# The stack of a person who comments.
services:
  coach:
    image: testbed/python
    network_mode: none
    # Before anything else: is the tripwire there?
    command: ["sh", "-c", "cat /sys/fs/cgroup/memory.high /sys/fs/cgroup/memory.max; exec sleep 1000"]
  redis:
    image: testbed/redis   # no persistence here
    network_mode: none
"""


@pytest.fixture
def folder(vm: Guest) -> Iterator[str]:
    vm.ssh.write(f"{FOLDER}/policy.yaml", POLICY)
    vm.ssh.write(f"{FOLDER}/compose.yaml", COMPOSE)
    vm.governor_image  # noqa: B018 (built when the first scenario needs it)
    yield FOLDER
    vm.run(f"docker compose --progress quiet -p {PROJECT} -f {FOLDER}/annotated.yaml down -t 0; rm -rf {FOLDER}; "
           "systemctl set-property --runtime system.slice MemoryMin=0", timeout=120, check=False)


def annotate(vm: Guest, *words: str, check: bool = True) -> Result:
    """As one would by hand, without a governor that runs."""
    return vm.docker("run", "--rm", "--network", "none", "-v", f"{FOLDER}:{FOLDER}", vm.governor_image, "annotate", "--policy",
                     f"{FOLDER}/policy.yaml", *words, check=check)


def test_real_compose_takes_it_and_it_holds_from_the_first_instruction(vm: Guest, folder: str) -> None:
    told = annotate(vm, f"{folder}/compose.yaml", "--output", f"{folder}/annotated.yaml")
    text = vm.read(f"{folder}/annotated.yaml") or ""
    kept = text.splitlines()
    assert [line for line in COMPOSE.splitlines() if line not in kept] == [], "every line of the person's is still there"
    assert "systemctl set-property system.slice MemoryMin=67108864" in told.out + told.err
    assert annotate(vm, f"{folder}/annotated.yaml", "--check", check=False).code == 0
    assert annotate(vm, f"{folder}/compose.yaml", "--check", check=False).code == 1

    vm.run(["systemctl", "set-property", "--runtime", "system.slice", "MemoryMin=67108864"])
    vm.run(f"docker compose --progress quiet -p {PROJECT} -f {folder}/annotated.yaml up -d", timeout=120)
    coach, redis = (vm.inspect(f"{PROJECT}-{name}-1") for name in ("coach", "redis"))
    assert coach and redis
    until(lambda: len(vm.docker("logs", coach["Id"]).out.split()) == 2, "the coach's first words", 60)
    assert vm.docker("logs", coach["Id"]).out.split() == [str(192 * MIB), str(256 * MIB)]
    scope = vm.cgroup(redis["Id"])
    assert (vm.read(f"{scope}/memory.min") or "").strip() == str(64 * MIB)
    assert (vm.read(f"{CGROUP}/system.slice/memory.min") or "").strip() == str(64 * MIB), "and its ancestor does not cap it"
