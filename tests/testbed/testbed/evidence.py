# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What is kept of a guest in which a test failed."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from . import paths
from .guest import EVENTS
from .machine import Machine
from .ssh import GuestError

# Each is run in the guest; one that fails does not stop the others.
COMMANDS = {
    "docker-ps.txt": "docker ps -a --no-trunc",
    "docker-inspect.json": "docker ps -aq | xargs -r docker inspect",
    "docker-events.jsonl": f"cat {EVENTS}",
    "container-logs.txt": 'for c in $(docker ps -aq); do docker inspect -f "=== {{.Name}}" $c; docker logs -t $c 2>&1; done',
    "cgroups.txt": "cd /sys/fs/cgroup && for d in . *.slice *.slice/*.slice *.slice/docker-*.scope *.slice/*.slice/docker-*.scope "
                   "system.slice/docker-*.scope/*/ docker docker/*/; do "
                   "[ -d $d ] && grep -H . $d/memory.* $d/cgroup.* 2>/dev/null; done; true",
    "processes.txt": "ps -eo pid,ppid,stat,wchan:20,rss,etimes,cgroup:60,args",
    "dmesg.txt": "dmesg -T",
    "journal.txt": "journalctl --no-pager -b -o short-precise",
    "stacks.txt": "find /srv/stacks -type f -size -64k -exec tail -n +1 {} +; ls -lR /srv/stacks",
    "governor-sockets.txt": "ls -lR /run/governor /var/lib/governor",
}


def folder_for(test: str) -> Path:
    top = os.environ.get("GOVERNOR_TEST_EVIDENCE") or str(paths.REPOSITORY / "build" / "evidence")
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", test).strip("-")[-80:]
    return Path(top) / f"{time.strftime('%Y%m%d-%H%M%S')}-{name}"


def collect(machine: Machine, test: str) -> Path:
    """Writes everything that can still be read into a new folder, and returns it."""
    folder = folder_for(test)
    folder.mkdir(parents=True, exist_ok=True)
    for log in (machine.console, machine.folder / "qemu.log"):
        if log.exists():
            (folder / log.name).write_bytes(log.read_bytes())
    try:
        machine.check()
        machine.ssh.run("true", timeout=20)
    except GuestError as error:
        (folder / "unreachable.txt").write_text(str(error))
        return folder
    for name, command in COMMANDS.items():
        try:
            done = machine.ssh.run(f"timeout 40 sh -c {_quote(command)}", timeout=60, check=False)
            (folder / name).write_text(done.out + done.err)
        except GuestError as error:
            (folder / name).write_text(str(error))
    return folder


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
