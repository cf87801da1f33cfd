# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Where things live: the cache of images and saved states, and the folder of a running VM."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from . import hardware

HERE = Path(__file__).resolve().parent
TESTBED = HERE.parent
REPOSITORY = TESTBED.parent.parent
RECIPE = TESTBED / "recipe"
#: No part of the saved state.
POOLS_RECIPE = RECIPE / "pools.sh"
APPS = TESTBED / "apps"
#: Code names of the Debian releases that the guest can be made from; the first one is the default.
RELEASES = ("trixie", "forky")
DEFAULT_RELEASE = RELEASES[0]


def cache_root() -> Path:
    chosen = os.environ.get("GOVERNOR_TESTBED_CACHE")
    if chosen:
        return Path(chosen).resolve()
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "governor-testbed"


def run_dir(name: str) -> Path:
    """The folder of the running VM `name`. Below /tmp because a socket's path is short."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", name):
        raise ValueError(f"not a name for a VM: {name!r}")
    return Path(f"/tmp/governor-testbed-{os.getuid()}") / name


def hash_of(paths: list[Path], extra: str = "", without: frozenset[Path] = frozenset()) -> str:
    """A hash of files and of everything in folders except `without`, so that a changed recipe is a new key."""
    digest = hashlib.sha256(extra.encode())
    for top in paths:
        files = [top] if top.is_file() else sorted(p for p in top.rglob("*") if p.is_file() and p not in without)
        for file in files:
            executable = file.stat().st_mode & 0o100
            digest.update(f"{file.relative_to(TESTBED)}:{executable}\n".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@cache
def state_key(release: str) -> str:
    # A state saved by one QEMU is not promised to load in another.
    qemu = subprocess.run([hardware.QEMU, "--version"], capture_output=True, text=True, check=True).stdout
    return hash_of([RECIPE, HERE / "hardware.py", HERE / "provision.py"], f"{release}\n{qemu}", without=frozenset({POOLS_RECIPE}))


def pools_image() -> Path:
    """The root file system of the image with the pool servers. It is no part of the saved state: testbed/pools.py puts it into a
    guest when a scenario asks for it."""
    return cache_root() / f"part-pools-{hash_of([RECIPE / 'lib.sh', POOLS_RECIPE])}.squashfs"


def bundle_dir(release: str = DEFAULT_RELEASE) -> Path:
    """The folder with the disk, the memory and the device state that every run with that release starts from."""
    return cache_root() / f"state-{release}-{state_key(release)}"


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
