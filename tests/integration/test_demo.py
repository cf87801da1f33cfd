# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The command deploy/demo, as a new user types it. It makes a virtual machine of its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
DEMO = str(REPOSITORY / "deploy/demo")
pytestmark = pytest.mark.once

sys.path.insert(0, str(REPOSITORY / "deploy/demo.d"))

from project import CACHE, COACH, DATABASE, Identity, Save, check_save  # noqa: E402
from verdict import Measured, problems  # noqa: E402


def machines() -> set[str]:
    return {folder.name for folder in Path(f"/tmp/governor-testbed-{os.getuid()}").glob("demo-*")}


def test_two_restarts_are_graceful_and_the_database_is_untouched(tmp_path: Path) -> None:
    record = tmp_path / "run.jsonl"
    done = subprocess.run([DEMO, "--vm", "--no-build", "--restarts", "2", "--record", str(record)],
                          capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)
    out = done.stdout
    print(out, done.stderr)
    assert done.returncode == 0
    assert "\033" not in out  # no terminal, no escapes
    assert re.search(r"^  Restarts +2 of 2 wanted$", out, re.M)
    assert re.search(r"^    graceful +2 of 2; exit codes by Docker: 0, 0$", out, re.M)
    assert re.search(r"^  OOM kills +0 ", out, re.M)
    assert re.search(r"^  Work saved +2 of 2 files whole, \d+ profiles without a gap$", out, re.M)
    assert re.search(r"^  Database +untouched: ", out, re.M)
    assert re.search(r"^ +its client +\d+ rows written, 0 errors", out, re.M)
    assert out.splitlines()[-1].startswith("GOOD: 2 restarts, all graceful, no OOM kill")
    kinds = [json.loads(line) for line in record.read_text().splitlines()]
    types = [row["type"] for row in kinds if row["kind"] == "event"]
    for before, after in (("oom_near", "brake"), ("brake", "signalled"), ("signalled", "restart_finished")):
        assert types.index(before) < types.index(after)


def test_an_interrupt_leaves_nothing_behind() -> None:
    before = machines()
    process = subprocess.Popen([DEMO, "--vm", "--no-build"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               stdin=subprocess.DEVNULL)
    try:
        assert process.stdout
        for line in process.stdout:
            if "booting the VM from its saved state (" in line:
                break
        assert machines() - before
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
    assert process.returncode == 130, out
    assert machines() == before


@pytest.mark.parametrize("words", [["--restarts", "0"], ["--seconds", "x"], ["--vm", "--here"], ["--nonsense"]])
def test_wrong_use_is_two(words: list[str]) -> None:
    done = subprocess.run([DEMO, *words], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 2
    assert "usage: deploy/demo" in done.stderr


# -- the judgement itself, without a machine ---------------------------------------------------------
def docker_event(action: str, service: str, code: str = "0") -> dict:
    return {"Action": action, "Actor": {"Attributes": {"com.docker.compose.service": service, "exitCode": code}}}


def good_run() -> Measured:
    same = {service: Identity("1", "2026-01-01T00:00:00Z", 7, 0) for service in (DATABASE, CACHE)}
    return Measured(1, [{"type": "restart_finished", "outcome": "graceful"}], [docker_event("die", COACH)],
                    [Save("save-0001.json", True, 1, 9)], dict(same), dict(same), 0, 30, 1.1)


def test_a_good_run_has_no_problems() -> None:
    assert problems(good_run()) == []


@pytest.mark.parametrize("spoil, words", [
    (lambda m: m.events.clear(), "0 of 1 restarts"),
    (lambda m: m.events[0].update(outcome="killed_at_grace_end"), "not graceful"),
    (lambda m: m.docker.append(docker_event("die", COACH, "137")), "exit codes were 0, 137"),
    (lambda m: m.docker.append(docker_event("oom", COACH)), "1 OOM kills"),
    (lambda m: setattr(m, "kernel_oom_kills", 2), "2 OOM kills"),
    (lambda m: setattr(m, "kernel_oom_kills", None), "could not be read"),
    (lambda m: m.saves.clear(), "only 0 of 1"),
    (lambda m: m.docker.append(docker_event("die", DATABASE)), "postgres was restarted"),
    (lambda m: m.after.update(redis=Identity("1", "2026-01-01T00:00:09Z", 8, 0)), "redis was restarted"),
    (lambda m: setattr(m, "tracker_errors", 1), "saw 1 errors"),
    (lambda m: setattr(m, "rows", 0), "wrote 0 rows"),
])
def test_whatever_is_not_good_is_told(spoil: Callable[[Measured], object], words: str) -> None:
    run = good_run()
    spoil(run)
    assert any(words in problem for problem in problems(run)), problems(run)


def test_lost_work_is_seen() -> None:
    body = json.dumps([{"profile": 3}, {"profile": 4}]).encode()
    text = body + b"\nsha256:" + hashlib.sha256(body).hexdigest().encode() + b"\n"
    assert check_save("a", text, 2) == Save("a", True, 3, 4)
    assert not check_save("a", text, 1).good  # profile 2 was never saved
    assert not check_save("a", text.replace(b"3", b"5", 1), 2).good
    assert not check_save("a", text[:20], 2).good
