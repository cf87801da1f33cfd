# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Signals and stop timeouts mean what Docker means by them."""

from __future__ import annotations

import pytest

from governed import HARD, go, policy

from testbed.stack import Stack
from testbed.told import start_governor
from testbed.wait import until
from testbed.workers import Leaker

# A thread dump at SIGQUIT, as a JVM does it; at SIGTERM it works for argv[1] seconds before it has saved.
WORKER = """
import faulthandler, os, signal, sys, time
faulthandler.register(signal.SIGQUIT, all_threads=True)
def save(*_):
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        time.sleep(0.1)
    open("/out/saved", "w").write("saved")
    os._exit(0)
signal.signal(signal.SIGTERM, save)
held = [bytearray(b"x") * (150 << 20)]
open("/out/ready", "w").write("ready")
while not os.path.exists("/out/go"):
    time.sleep(0.1)
os.remove("/out/go")
while True:
    held.append(bytearray(b"x") * (1 << 20))
    time.sleep(0.05)
"""


def test_a_thread_dump_leaves_the_guard_on(stack: Stack) -> None:
    governor = start_governor(stack, policy())
    work = Leaker(["python3", "-c", WORKER, "1"])
    coach = stack.worker("coach", work, restart="unless-stopped", stop_grace_period="60s")
    stack.up()
    governor.wait("armed", coach.name)
    until(lambda: stack.guest.read(f"{coach.out}/ready"), "the worker's handlers", 30)
    stack.guest.run(["docker", "kill", "-s", "QUIT", coach.container])
    go(coach)
    finished = governor.wait("restart_finished", coach.name, timeout=180)
    assert finished.raw["outcome"] == "graceful", governor.timeline(coach.name)
    assert not governor.events(coach.name, "left_alone"), governor.timeline(coach.name)
    assert coach.oom_kills() == 0
    assert stack.guest.read(f"{coach.out}/saved") == "saved"


# In `--full` only: tests/scripted/test_docker_semantics.py has the same with every extreme of the timeout.
@pytest.mark.full
def test_a_stop_timeout_without_end_is_never_over(stack: Stack) -> None:
    name = f"{stack.project}-endless"
    out = f"{stack.folder}/endless"
    governor = start_governor(stack, policy(service=name))
    stack.up()
    guest = stack.guest
    guest.run(["mkdir", "-p", out])
    # Compose writes no negative stop_grace_period; other clients do. The label is what the policy matches.
    guest.run(["docker", "run", "-d", "--name", name, "--label", f"com.docker.compose.service={name}",
               "--stop-timeout", "-1", "--memory", str(HARD), "--memory-swap", str(HARD), "--restart", "unless-stopped", "--network", "none", "-v", f"{out}:/out",
               "testbed/python", "python3", "-c", WORKER, "6"])
    try:
        governor.wait("armed", name)
        until(lambda: guest.read(f"{out}/ready"), "the worker's handlers", 30)
        guest.run(["touch", f"{out}/go"])
        finished = governor.wait("restart_finished", name, timeout=180)
        assert finished.raw["outcome"] == "graceful", governor.timeline(name)
        assert not governor.events(name, "killed"), governor.timeline(name)
        assert guest.read(f"{out}/saved") == "saved"
    finally:
        guest.run(["docker", "rm", "-f", name], check=False)
