# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import jsonschema
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from scripted.daemon import BINARY, Daemon  # noqa: E402
from scripted.host import Host  # noqa: E402


@cache
def event_schema() -> jsonschema.Draft202012Validator:
    done = subprocess.run([BINARY, "schema", "--event"], stdout=subprocess.PIPE, check=True, timeout=60)
    return jsonschema.Draft202012Validator(json.loads(done.stdout))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    yield made
    made.close()


@pytest.fixture
def start(host: Host) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons on the host: start(policy, *options). Their events are checked against the schema at the end."""
    started: list[Daemon] = []

    def begin(policy: str, *options: str, **more: object) -> Daemon:
        started.append(Daemon(host, policy, *options, **more))
        return started[-1]

    yield begin
    for daemon in started:
        daemon.close()
    problems = [f"{error.message} in {event.raw}" for daemon in started for event in daemon.events()
                for error in event_schema().iter_errors(event.raw)]
    assert not problems, "\n".join(problems)
