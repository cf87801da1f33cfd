# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Variants of the Docker host, each made from the one saved state by a few commands.

The context managers undo what they did. The functions cannot be undone in a running guest: the caller discards the machine."""

from __future__ import annotations

import gzip
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import engine
from .guest import Guest
from .ssh import GuestError
from .wait import until

MIB = 1 << 20
SWAP_FILE = "/var/swap"
ZRAM = "/dev/zram0"
#: The image that a host with userns-remap has for the governor and for its workers (C only: it has no Python).
REMAPPED_IMAGE = "testbed/governor-base"
REMAPPED_WITHOUT = ("./usr/share", "./var/lib/dpkg", "./usr/lib/x86_64-linux-gnu/gconv", "./usr/lib/x86_64-linux-gnu/perl-base",
                    "./usr/bin/perl*")
REMAPPED_USER = "dockremap"


# -- swap --------------------------------------------------------------------------------------------
@contextmanager
def swap(guest: Guest, size: int = 1024 * MIB) -> Iterator[None]:
    """A swap file of `size` bytes on the root disk."""
    guest.run(f"fallocate -l {size} {SWAP_FILE} && chmod 600 {SWAP_FILE} && mkswap -q {SWAP_FILE} && swapon {SWAP_FILE}")
    try:
        yield
    finally:
        guest.run(f"swapoff {SWAP_FILE} && rm -f {SWAP_FILE}", timeout=240)


@contextmanager
def zram(guest: Guest, size: int = 1024 * MIB) -> Iterator[None]:
    """Swap of `size` bytes before compression, in compressed memory."""
    guest.run("modprobe zram num_devices=1")
    # udev reads a device that has just come: it is busy for a moment.
    until(lambda: guest.run(f"zramctl {ZRAM} --size {size}", check=False).code == 0, f"{ZRAM} to be free", 60)
    guest.run(f"mkswap -q {ZRAM} && swapon --priority 100 {ZRAM}")
    try:
        yield
    finally:
        guest.run(["swapoff", ZRAM], timeout=240)
        # udev reads a block device that changes: it is busy for a moment.
        until(lambda: guest.run(f"zramctl --reset {ZRAM} && rmmod zram", check=False).code == 0, f"{ZRAM} to be released", 60)


@contextmanager
def sysctl(guest: Guest, name: str, value: int) -> Iterator[None]:
    """A kernel parameter such as vm.swappiness."""
    path = f"/proc/sys/{name.replace('.', '/')}"
    before = (guest.read(path) or "").strip()
    guest.write(path, str(value))
    try:
        yield
    finally:
        guest.write(path, before)


# -- slices ------------------------------------------------------------------------------------------
@contextmanager
def slice_of(guest: Guest, name: str, **limits: str) -> Iterator[str]:
    """A slice unit with these properties, e.g. `MemoryMax="200M"`; returns its name for `cgroup_parent`."""
    unit = f"/run/systemd/system/{name}"
    text = "\n".join(["[Slice]", *(f"{key}={value}" for key, value in limits.items()), ""])
    guest.ssh.write(unit, text)
    guest.run(f"systemctl daemon-reload && systemctl start {shlex.quote(name)}")
    try:
        yield name
    finally:
        guest.run(f"systemctl stop {shlex.quote(name)}; rm -f {unit}; systemctl daemon-reload", timeout=120)


# -- a second disk, user namespaces, AppArmor: the machine is discarded afterwards -------------------
def second_disk(guest: Guest, folder: str, size: int = 256 * MIB) -> str:
    """A file system of its own on a loop device, mounted at `folder`; returns the device, for a container's `blkio_config`. It has no
    journal: a commit would wait for what the container has still to write."""
    image = "/var/tmp/second-disk.img"
    with tempfile.NamedTemporaryFile() as file:
        # Made here: the guest has no mke2fs. An empty file system is small when it is packed.
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", file.name, f"{size >> 10}k"], check=True, timeout=60)
        packed = gzip.compress(Path(file.name).read_bytes(), compresslevel=1)
    guest.run(f"gunzip > {image} && mkdir -p {folder} && mount -o loop,noatime {image} {folder} && chmod 777 {folder}",
              timeout=120, data=packed)
    return guest.run(["findmnt", "-n", "-o", "SOURCE", folder]).out.strip()


def remap_users(guest: Guest) -> None:
    """dockerd with `userns-remap`. It has another data folder then, with one image: REMAPPED_IMAGE."""
    layer = guest.docker("image", "inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", REMAPPED_IMAGE).out.strip()
    guest.run(f"useradd --system --no-create-home --shell /usr/sbin/nologin --user-group {REMAPPED_USER} "
              f"&& echo {REMAPPED_USER}:100000:65536 | tee /etc/subuid /etc/subgid")
    engine.restart(guest, {"userns-remap": REMAPPED_USER})
    # `docker save` and `docker load` took minutes under emulation. The image is one layer, and half of its files are not needed.
    left_out = " ".join(f"--exclude={path}" for path in REMAPPED_WITHOUT)
    guest.run(f"tar -C {layer} {left_out} -c . | docker import --change 'CMD [\"bash\"]' - {REMAPPED_IMAGE}", timeout=400)
    vars(guest).pop("governor_image", None)  # it is in the other data folder, when an earlier scenario has built it
    options = _security_options(guest)
    if "name=userns" not in options:
        raise GuestError(f"dockerd does not remap users: {options}")


def switch_on_apparmor(guest: Guest) -> None:
    """Docker confines its containers with the profile docker-default. The kernel's part is on in any case (recipe/guest/setup.sh)."""
    guest.run("test \"$(cat /sys/module/apparmor/parameters/enabled)\" = Y && cp -a /usr/sbin/apparmor_parser.off /usr/sbin/apparmor_parser")
    engine.restart(guest, {})
    loaded = guest.run(["cat", "/sys/kernel/security/apparmor/profiles"]).out
    if "docker-default" not in loaded:
        raise GuestError(f"dockerd did not load docker-default; loaded are: {loaded or 'none'}")


def _security_options(guest: Guest) -> list[str]:
    info = guest.api("/info")
    assert isinstance(info, dict)
    return info["SecurityOptions"]
