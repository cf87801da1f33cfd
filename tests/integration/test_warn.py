# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The warn step: the application is asked to shed its caches before the brake, once, and a deaf one delays nothing."""

from __future__ import annotations

import pytest

from testbed.guest import APPS
from testbed.stack import Service, Stack
from testbed.told import start_governor
from testbed.workers import warned

COACH = """
  {name}:
    match: {{ service: {name} }}
    memory: {{ tripwire: 85% }}
    near_oom:
      when: {{ unreclaimable: 85% }}
      warn: {{ when: {{ unreclaimable: 60% }}, every: 10m, {call} }}
      brake: {{ docker_timeout: 20s, hold_timeout: 3s }}
    restart: {{ backoff: {{ from: 10m, to: 10m }} }}
"""


def policy(calls: dict[str, str]) -> str:
    return "version: 1\nservices:" + "".join(COACH.format(name=name, call=call) for name, call in calls.items())


def worker(stack: Stack, name: str, **more: object) -> Service:
    """Over 20 s from the warning's threshold to the brake's: slow enough for an exec under emulation."""
    return stack.worker(name, warned(base=130, rate=3, start_after=8, **more), limit="256m", networks=["default"],
                        restart="unless-stopped", stop_grace_period="60s")


def warnings(coach: Service) -> list[tuple[int, str]]:
    lines = coach.guest.run(f"cat {coach.out}/warnings", check=False).out.splitlines()
    return [(int(when), how) for when, how in (line.split(" ", 1) for line in lines)]


def test_warned_once_before_the_brake_in_each_way(stack: Stack) -> None:
    calls = {
        "by-http": 'http: "http://by-http:8000/memory-warning", timeout: 20s',
        "by-signal": "signal: SIGUSR1",
        "by-exec": f"exec: [python3, {APPS}/warned.py, --note, exec], timeout: 60s",
    }
    governor = start_governor(stack, policy(calls), networks=["default"])
    coaches = {name: worker(stack, name) for name in calls}
    stack.up()
    got = {}
    for name, coach in coaches.items():
        finished = governor.wait("restart_finished", name, timeout=180)
        assert (finished.raw["outcome"], finished.raw["exit_code"]) == ("graceful", 0), governor.timeline(name)
        first_life = [(when, how) for when, how in warnings(coach) if when < finished.monotonic_ns]
        (near,) = governor.events(name, "oom_near")
        assert len(first_life) == 1, (first_life, governor.timeline(name))
        assert first_life[0][0] < near.monotonic_ns, governor.timeline(name)
        (told,) = [event for event in governor.events(name, "warned") if event.monotonic_ns < near.monotonic_ns]
        assert told.rule == "unreclaimable"
        got[name] = first_life[0][1]
    assert got == {"by-http": "http /memory-warning", "by-signal": "signal", "by-exec": "exec"}
    # A failed warn call would be told with the rule that had asked for it.
    failures = [event for event in governor.events(None, "action_failed", "killed", "oom_killed") if event.rule != "not_back"]
    assert failures == [], governor.timeline()


@pytest.mark.full
def test_a_warn_target_that_never_answers_delays_nothing(stack: Stack) -> None:
    # The call may wait a minute. From the warning's threshold to the brake's it is about 20 s, so it is still waiting at the brake.
    governor = start_governor(stack, policy({"deaf": 'http: "http://deaf:8000/memory-warning", timeout: 1m'}),
                              networks=["default"])
    coach = worker(stack, "deaf", deaf=True)
    stack.up()
    finished = governor.wait("restart_finished", "deaf", timeout=180)
    assert (finished.raw["outcome"], finished.raw["exit_code"]) == ("graceful", 0), governor.timeline()
    assert coach.oom_kills() == 0
    # The brake came while the call was still waiting: neither its success nor its failure was told before.
    types = governor.types("deaf")
    assert "warned" not in types
    assert "action_failed" not in types[: types.index("signalled")], governor.timeline()
