# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What runs inside the containers of a scenario."""

from __future__ import annotations

from dataclasses import dataclass

from .guest import APPS

HEARTBEAT = "/out/heartbeat"


@dataclass(frozen=True)
class Leaker:
    command: list[str]
    image: str = "testbed/python"


def leaker(language: str = "python", *, rate: float = 10, shape: str = "single", handler: str = "save",
           base: float = 0, start_after: float = 3, stop_at: float | None = None,
           save_when: str | None = None, heartbeat: bool = False, trace: bool = False) -> Leaker:
    """A worker that leaks; the options are explained by leaker.py --help (trace: C only, see leaker.c)."""
    program = {"python": ["python3", f"{APPS}/leaker.py"], "c": [f"{APPS}/leaker"]}[language]
    command = [*program, "--rate", str(rate), "--shape", shape, "--handler", handler, "--base", str(base),
               "--start-after", str(start_after)]
    if stop_at is not None:
        command += ["--stop-at", str(stop_at)]
    if save_when:
        command += ["--save-when", save_when]
    if heartbeat:
        command += ["--heartbeat", HEARTBEAT]
    if trace:
        command.append("--trace")
    return Leaker(command)


def cache_churn(*, files: int = 4, size: int = 128) -> Leaker:
    """A healthy worker whose page cache fills whatever limit it has."""
    return Leaker(["python3", f"{APPS}/cachechurn.py", "--files", str(files), "--size", str(size)])


def script(text: str) -> Leaker:
    """Any shell script, for what the workers do not offer."""
    return Leaker(["sh", "-c", text])


def warned(*, rate: float = 5, base: float = 0, start_after: float = 3, deaf: bool = False) -> Leaker:
    """A leak that notes the warnings it gets in OUT/warnings; `deaf` takes HTTP connections and never answers."""
    command = ["python3", f"{APPS}/warned.py", "--rate", str(rate), "--base", str(base), "--start-after", str(start_after)]
    return Leaker(command + (["--deaf"] if deaf else []))
