# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The children of a pool in a scripted container: real processes whose /proc files say whose children they are and what they hold."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path

from .host import MIB, Container, write
from .mainprocess import MainProcess

_STARTS = itertools.count(50_000)


class Child:
    """One process of the container beside its main process."""

    def __init__(self, container: Container, folder: Path, mib: int, parent: int, name: str, handled: tuple[int, ...],
                 ends: tuple[int, ...] | None):
        self.process = MainProcess(folder, handled, ends)
        self.pid, self.start = self.process.pid, next(_STARTS)
        proc = container.host.proc / str(self.pid)
        write(proc / "cgroup", f"0::{container.scope}\n")
        write(proc / "oom_score_adj", "0\n")
        write(proc / "stat", f"{self.pid} ({name}) S {parent} {parent} {parent} 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {self.start} 0 0\n")
        write(proc / "cmdline", f"/usr/bin/{name}\0--serve\0")
        os.symlink(container.host.folder / "exe" / name, proc / "exe")
        write(container.host.folder / "exe" / name, "")
        self.proc = proc
        self.holds(mib)

    def holds(self, mib: int) -> None:
        real = Path(f"/proc/{self.pid}/status").read_text()
        masks = "".join(line + "\n" for line in real.splitlines() if line.startswith(("Sig", "Shd", "Threads", "NSpid")))
        write(self.proc / "status", f"RssAnon:\t{mib << 10} kB\nVmSwap:\t0 kB\n{masks}")
        write(self.proc / "smaps_rollup", f"Rss: {mib << 10} kB\nPss_Anon: {mib << 10} kB\nPrivate_Dirty: {mib << 10} kB\nSwapPss: 0 kB\n")


class Pool:
    """A container whose main process is the parent of several children that run the same file."""

    def __init__(self, container: Container, mib: list[int], handled: tuple[int, ...] = (signal.SIGTERM,),
                 ends: tuple[int, ...] | None = None, name: str = "worker"):
        self.container, self.name, self.handled, self.ends = container, name, handled, ends
        self.children: list[Child] = []
        for size in mib:
            self.add(size)

    def add(self, mib: int, name: str | None = None) -> Child:
        folder = self.container.host.folder / "pool" / f"{self.container.id[:8]}-{next(_STARTS)}"
        folder.mkdir(parents=True)
        child = Child(self.container, folder, mib, self.container.main.pid, name or self.name, self.handled, self.ends)
        self.children.append(child)
        self._list()
        return child

    def _list(self) -> None:
        pids = [self.container.main.pid, *(child.pid for child in self.children)]
        write(self.container.cgroup.path / "cgroup.procs", "".join(f"{pid}\n" for pid in pids))

    def gone(self, child: Child) -> None:
        """Waited for by its parent, and no longer in the cgroup."""
        child.process.kill()
        self.children.remove(child)
        self._list()
        self.container.host.remove_process(child.pid)

    def use(self) -> None:
        """The container's memory is what the children hold, and 10 MiB."""
        held = sum(int((child.proc / "status").read_text().split("RssAnon:\t")[1].split()[0]) << 10 for child in self.children)
        self.container.use(anon=held + 10 * MIB)

    def close(self) -> None:
        for child in self.children:
            child.process.kill()
