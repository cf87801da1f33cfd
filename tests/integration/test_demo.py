# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The command deploy/demo, as a new user types it. It makes a virtual machine of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent.parent
DEMO = str(REPOSITORY / "deploy/demo")
pytestmark = pytest.mark.once


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
