# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The command line `tests/testbed/vm`: virtual machines by hand."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

from . import image, paths
from .guest import Guest
from .machine import Machine
from .progress import say, step


def restore(name: str, die_with_parent: bool = False, release: str = paths.DEFAULT_RELEASE) -> Machine:
    bundle = image.ensure(release)
    _forget_dead_sessions()
    machine = Machine(paths.run_dir(name), bundle)
    with step(f"restoring the VM '{name}'"):
        try:
            machine.restore(die_with_parent)
        except BaseException:
            machine.kill()
            raise
    return machine


def _forget_dead_sessions() -> None:
    """What a killed test session left: its VM died with it, its folder did not."""
    top = paths.run_dir("x").parent
    for folder in top.glob("pytest-*"):
        if Machine.load(folder) is None and not Path(f"/proc/{folder.name.removeprefix('pytest-')}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def _running(name: str) -> Machine:
    machine = Machine.load(paths.run_dir(name))
    if machine is None:
        raise SystemExit(f"[testbed] no VM '{name}' is up (start it with: vm up --name {name})")
    return machine


def build(options: argparse.Namespace) -> int:
    say(f"state: {image.ensure(options.release)}")
    return 0


def up(options: argparse.Namespace) -> int:
    machine = Machine.load(paths.run_dir(options.name))
    if machine is None:
        machine = restore(options.name, release=options.release)
        Guest(machine).prepare()
    else:
        say(f"the VM '{options.name}' is already up")
    print(machine.ssh.port)
    return 0


def ssh(options: argparse.Namespace) -> int:
    machine = _running(options.name)
    words = options.command[1:] if options.command[:1] == ["--"] else options.command
    tty = not words or (sys.stdin.isatty() and sys.stdout.isatty())
    argv = machine.ssh.argv(" ".join(words) or "exec bash -l", tty)
    os.execvp(argv[0], argv)


def put(options: argparse.Namespace) -> int:
    _running(options.name).ssh.put(Path(options.source), options.target)
    return 0


def get(options: argparse.Namespace) -> int:
    _running(options.name).ssh.get(options.source, Path(options.target))
    return 0


def governor(options: argparse.Namespace) -> int:
    with step("building the governor's image in the guest"):
        tag = Guest(_running(options.name)).build_governor_image()
    print(tag)
    return 0


def down(options: argparse.Namespace) -> int:
    machine = Machine.load(paths.run_dir(options.name))
    if machine is None:
        say(f"the VM '{options.name}' was not up")
        machine = Machine(paths.run_dir(options.name), paths.bundle_dir())
    machine.discard()
    return 0


def status(_: argparse.Namespace) -> int:
    for release in paths.RELEASES:
        print(f"state of {release}: {paths.bundle_dir(release)} ({'ready' if image.ready(release) else 'not made yet'})")
    top = paths.run_dir("x").parent
    for folder in sorted(top.iterdir()) if top.exists() else []:
        machine = Machine.load(folder)
        if machine:
            age = time.time() - (folder / "vm.json").stat().st_mtime
            print(f"{folder.name}: up for {age / 60:.0f} min, pid {machine.pid}, ssh port {machine.ssh.port}")
        else:
            print(f"{folder.name}: down (left over; remove with: vm down --name {folder.name})")
    return 0


def console(options: argparse.Namespace) -> int:
    print(_running(options.name).console_tail(options.lines))
    return 0


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="vm", description=__doc__)
    commands = top.add_subparsers(dest="verb", required=True)

    def add(verb: str, function: object, text: str, named: bool = True) -> argparse.ArgumentParser:
        sub = commands.add_parser(verb, help=text, description=text)
        sub.set_defaults(function=function)
        if named:
            sub.add_argument("--name", default="default", help="which VM (several may be up at once)")
        return sub

    made = [add("build", build, "make the image and the saved state, when they are missing", named=False),
            add("up", up, "restore a VM and leave it running; prints its ssh port")]
    for sub in made:
        sub.add_argument("--release", choices=paths.RELEASES, default=paths.DEFAULT_RELEASE,
                         help="the Debian release of the guest (default: %(default)s)")
    shell = add("ssh", ssh, "run a command in the guest (a shell without one)")
    shell.add_argument("command", nargs=argparse.REMAINDER, help="[--] CMD...")
    for verb, function, text in (("put", put, "copy a file or a folder's contents into the guest"),
                                 ("get", get, "copy a file or a folder's contents out of the guest")):
        sub = add(verb, function, text)
        sub.add_argument("source")
        sub.add_argument("target")
    add("governor", governor, "build the image governor:test from build/release/bin/governor and deploy/docker/Dockerfile")
    add("down", down, "end the VM and forget its disk")
    add("status", status, "what is made and what is up", named=False)
    add("console", console, "the end of the guest's serial console").add_argument("--lines", type=int, default=60)
    return top


def main() -> int:
    options = parser().parse_args()
    try:
        return options.function(options)
    except (RuntimeError, ValueError) as error:
        print(f"[testbed] {error}", file=sys.stderr)
        return 1
