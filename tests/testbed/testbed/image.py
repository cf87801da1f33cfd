# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Makes the saved state: root file systems, the guest's disk, two boots. Cached by recipe."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from . import hardware, mirror, paths, provision
from .machine import Machine
from .progress import say, step

PROBE_SECONDS = 6


def ready(release: str = paths.DEFAULT_RELEASE) -> bool:
    manifest = paths.bundle_dir(release) / "manifest.json"
    if not manifest.exists():
        return False
    accel = json.loads(manifest.read_text())["accel"]
    return accel == "tcg" or os.access("/dev/kvm", os.R_OK | os.W_OK)


def ensure(release: str = paths.DEFAULT_RELEASE) -> Path:
    """The folder with the saved state of that release; made now when it is missing."""
    if ready(release):
        return paths.bundle_dir(release)
    with paths.locked(paths.cache_root() / "lock", lambda: say("waiting for another run that makes the test bed")):
        if not ready(release):  # another run may have made it while this one waited
            _build(release)
    return paths.bundle_dir(release)


def _build(release: str) -> None:
    if os.geteuid() != 0:
        raise SystemExit("[testbed] making the image needs root (mmdebstrap, mke2fs -d)")
    final = paths.bundle_dir(release)
    say(f"making the test bed from {release} in {final} (some minutes, once per recipe)")
    started = time.monotonic()
    work = paths.cache_root() / f"tmp-{os.getpid()}"
    try:
        work.mkdir(parents=True)
        guest, services, governor = _make_parts(release)
        for name in ("vmlinuz", "initrd.img", "id_ed25519"):
            shutil.copy2(guest / name, work / name)
        shutil.copyfile(guest / "rootfs.qcow2", work / "disk.qcow2")
        accel = _accelerator(work)
        _save_state(work, accel, [services, governor])
        (work / "manifest.json").write_text(json.dumps({"accel": accel, "made": int(time.time())}))
        if final.exists():
            shutil.rmtree(final)
        work.rename(final)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    # The state of another release stays valid for as long as its recipe is the same.
    _remove_old(keep={paths.pools_image()} | {path for each in paths.RELEASES for path in (paths.bundle_dir(each), *_parts(each))})
    say(f"the test bed is ready after {time.monotonic() - started:.0f} s")


def _remove_old(keep: set[Path]) -> None:
    for entry in paths.cache_root().iterdir():
        # "tmp-*" and the rest too: the lock is held, so nobody else is building.
        if entry in keep or entry.name == "lock":
            continue
        say(f"removing the old {entry.name}")
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


# -- root file systems -----------------------------------------------------------------------------
def _parts(release: str) -> tuple[Path, Path, Path]:
    """The root file systems: the guest of that release, and the container images, which are the same for all releases. Each has a key
    of its own: a change of one leaves the others."""
    recipe, root = paths.RECIPE, paths.cache_root()
    common = [recipe / "lib.sh"]
    guest = root / f"part-guest-{release}-{paths.hash_of([*common, recipe / 'guest.sh', recipe / 'guest'], release)}"
    services = root / f"part-services-{paths.hash_of([*common, recipe / 'services.sh', recipe / 'services'])}.tar"
    governor = root / f"part-governor-base-{paths.hash_of([*common, recipe / 'governor-base.sh'])}.tar"
    return guest, services, governor


def _make_parts(release: str) -> tuple[Path, Path, Path]:
    parts = guest, services, governor = _parts(release)
    jobs = [(partial(_make_guest, release), guest), (_make_tar, services), (_make_tar, governor)]
    # Two at a time: one downloads while the other unpacks.
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(make, target) for make, target in jobs if not target.exists()]:
            future.result()
    return parts


def ensure_pools() -> Path:
    """The root file system of testbed/pools, as a squashfs file; made now when it is missing."""
    target = paths.pools_image()
    if not target.exists():
        with paths.locked(paths.cache_root() / "lock", lambda: say("waiting for another run that makes the test bed")):
            if not target.exists():
                _run_recipe(paths.POOLS_RECIPE.name, str(target))
                for old in paths.cache_root().glob("part-pools-*"):
                    if old != target:
                        old.unlink()
    return target


def _run_recipe(script: str, *arguments: str) -> None:
    log = paths.cache_root() / f"log-{script}.txt"
    with step(f"recipe/{script}"), log.open("wb") as file:
        done = subprocess.run([str(paths.RECIPE / script), *arguments], stdin=subprocess.DEVNULL, stdout=file,
                              stderr=file, timeout=900, env={**os.environ, "MIRROR": mirror.find()})
    if done.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-30:])
        raise SystemExit(f"[testbed] recipe/{script} failed ({log}):\n{tail}")


def _make_guest(release: str, target: Path) -> None:
    work = target.with_name(f"tmp-guest-{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "testbed", "-f", str(work / "id_ed25519")],
                   check=True, timeout=30)
    _run_recipe("guest.sh", str(work), str(work / "id_ed25519.pub"), release)
    work.rename(target)


def _make_tar(target: Path) -> None:
    script = target.name.removeprefix("part-").rsplit("-", 1)[0] + ".sh"
    _run_recipe(script, str(target))


# -- the state -------------------------------------------------------------------------------------
def _accelerator(work: Path) -> str:
    """KVM when it really works: /dev/kvm may exist, and yet hang the guest in its first instructions."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    machine = Machine(work / "probe", work)
    disk, memory = work / "probe.qcow2", work / "probe.img"
    with step("trying /dev/kvm"):
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(work / "disk.qcow2"),
                        str(disk)], check=True, timeout=30)
        try:
            machine.boot("kvm", disk, memory)
            deadline = time.monotonic() + PROBE_SECONDS
            works = False
            while machine.alive() and not works and time.monotonic() < deadline:
                time.sleep(0.2)
                works = machine.console.exists() and b"systemd[1]" in machine.console.read_bytes()
        finally:
            machine.discard()
            for leftover in (disk, memory):
                leftover.unlink(missing_ok=True)
    say("using KVM" if works else "KVM does not work here: using emulation")
    return "kvm" if works else "tcg"


def _save_state(work: Path, accel: str, archives: list[Path]) -> None:
    disk, memory = work / "disk.qcow2", work / "ram.img"
    machine = Machine(work / "run", work)
    try:
        with step("first boot"):
            machine.boot(accel, disk, memory, archives)
            machine.wait_ssh(400)
        with step("importing the container images"):
            provision.import_images(machine)
            machine.wait_end(120)
        # A second boot: memory that the import has touched would have to be kept in the state.
        memory.unlink()
        machine = Machine(work / "run", work)
        with step("second boot"):
            machine.boot(accel, disk, memory)
            machine.wait_ssh(400)
            provision.warm_up(machine)
        with step("saving the state"):
            machine.ssh.disconnect()
            with machine.qmp(60) as qmp:
                qmp.execute("stop")
                qmp.ignore_shared_memory()
                qmp.execute("migrate", uri=f"exec:cat > {work / 'devices.state'}")
                qmp.wait_migration(120)
                qmp.execute("quit")
            machine.wait_end(60)
        os.chmod(memory, 0o600)
    finally:
        machine.discard()
