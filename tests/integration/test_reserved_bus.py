# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Without systemd's help (no bus, denied, or too late) the kernel's files alone hold the reservation; the doctor says what is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from reserved import POLICY, REDIS_MIN, REPAIR, complaints, honoured, minima, spoilt_bus, standing, wait_minima
from testbed.guest import Guest
from testbed.stack import BUS, Stack
from testbed.told import start_governor
from testbed.wait import until

#: Longer than any daemon should wait for an answer on which it does not depend.
LATE = 45


@pytest.fixture
def bus(vm: Guest, request: pytest.FixtureRequest) -> Iterator[str | None]:
    """A socket in the place of the system bus's, spoilt as the parameter says; None: no socket at all."""
    if request.param == "absent":
        yield None
        return
    options = {"refused": ["--refuse", "SetUnitProperties"], "late": ["--late", str(LATE)]}[request.param]
    with spoilt_bus(vm, *options) as path:
        yield path


@pytest.mark.parametrize("bus", [pytest.param("absent", marks=pytest.mark.full), pytest.param("refused", marks=pytest.mark.full), "late"],
                         indirect=True)
def test_the_files_take_over(bus: str | None, stack: Stack) -> None:
    governor = start_governor(stack, POLICY, bus=bus)
    redis = stack.redis(limit="256m")
    stack.up("redis")
    governor.wait("reserved", "redis", timeout=REPAIR)
    wait_minima(redis, REDIS_MIN)
    until(lambda: honoured(stack, redis), "the reservation to be honoured", REPAIR, pause=1)
    assert standing(stack, redis)["via"] == "files"
    found = complaints(stack, "systemd", "bus")
    assert found and all(check["mend"] for check in found), found

    # What systemd does not know of is lost as soon as any property of the scope is set: it is set again.
    wanted = minima(redis)
    stack.guest.docker("update", "--memory", "300m", "--memory-swap", "300m", redis.container)
    redis.write("memory.min", "0")
    governor.wait("drift_repaired", timeout=REPAIR)
    until(lambda: minima(redis) == wanted, "memory.min to be set back", REPAIR)
    assert redis.running and redis.restarts == 0


@pytest.mark.full
def test_the_doctor_is_content_with_the_bus(stack: Stack) -> None:
    """The counterpart: the complaints above are about the bus, and not always there."""
    governor = start_governor(stack, POLICY, bus=BUS)
    redis = stack.redis(limit="256m")
    stack.up("redis")
    governor.wait("reserved", "redis")
    until(lambda: standing(stack, redis)["via"] == "systemd", "systemd to hold the reservation", REPAIR, pause=1)
    assert complaints(stack, "systemd", "bus") == []
