# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A scripted host: a cgroup tree and a /proc of plain files, and containers with real main processes."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

from .engine import Answer, Engine, Request
from .mainprocess import MainProcess

MIB = 1 << 20
STAT_KEYS = ("anon", "file", "kernel", "shmem", "sock", "slab_reclaimable", "unevictable", "inactive_anon", "active_anon",
             "inactive_file", "active_file", "file_dirty", "file_writeback", "zswap", "zswapped", "hugetlb")
FILES = {"memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
         "memory.events.local": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
         "memory.high": "max\n", "memory.min": "0\n", "memory.low": "0\n", "memory.swap.max": "max\n", "memory.swap.current": "0\n",
         "memory.pressure": "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
         "cgroup.events": "populated 1\nfrozen 0\n", "cgroup.freeze": "0\n", "cgroup.kill": "", "cgroup.procs": "",
         "cgroup.controllers": "cpuset cpu io memory pids\n", "cgroup.subtree_control": "cpu io memory pids\n"}


def write(path: Path, text: str) -> None:
    """Replaces the content in place, as a kernel file changes: held descriptors see it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "r+" if path.exists() else "w", encoding="ascii") as file:
        file.write(text)
        file.truncate()


class Cgroup:
    """One directory of the tree."""

    def __init__(self, path: Path, maximum: str = "max"):
        self.path = path
        for name, text in FILES.items():
            write(path / name, text)
        write(path / "memory.max", f"{maximum}\n")
        self.memory()

    def set(self, name: str, value: object) -> None:
        write(self.path / name, f"{value}\n")

    def get(self, name: str) -> str:
        return (self.path / name).read_text().split("\n", 1)[0]

    def memory(self, anon: int = 1 * MIB, **stat: int) -> None:
        """memory.stat and memory.current; anonymous memory lies on the inactive list unless said otherwise."""
        values = dict.fromkeys(STAT_KEYS, 0) | {"anon": anon, "inactive_anon": anon} | stat
        write(self.path / "memory.stat", "".join(f"{key} {value}\n" for key, value in values.items()))
        current = stat.get("current", anon + values["file"] + values["kernel"] + values["sock"])
        self.set("memory.current", current)


@dataclass
class Settings:
    """What `docker inspect` shows of a container beside its state."""

    memory: int = 256 * MIB
    memory_swap: int | None = None  # as Docker: memory and swap together; None: the same as memory
    stop_signal: str = ""
    stop_timeout: int | None = None
    restart_policy: str = "always"
    cgroup_parent: str = ""
    pid_mode: str = ""
    network_mode: str = "bridge"
    ipc_mode: str = ""


class Container:
    """A container that runs: a scope in the tree, a main process, and what Docker does with it."""

    def __init__(self, host: "Host", ident: str, project: str, service: str, settings: Settings, labels: dict[str, str],
                 handled: tuple[int, ...], ends: tuple[int, ...] | None, memory: dict[str, int]):
        self.initial_memory = memory
        self.host, self.id, self.project, self.service, self.settings = host, ident, project, service, settings
        self.name = f"{project}-{service}-1"
        self.labels = {"com.docker.compose.project": project, "com.docker.compose.service": service,
                       "com.docker.compose.container-number": "1"} | labels
        self.handled, self.ends = handled, ends
        self.exit_code: int | None = None
        self.lives = itertools.count()
        self.networks = {f"{project}_default": "172.18.0.2"}
        self.root = host.folder / "roots" / ident[:12]  # its writable layer: kept over its lives
        for folder in ("run", "dev/shm"):
            (self.root / folder).mkdir(parents=True)
        self.begin_life()

    # ---- its lives

    def begin_life(self) -> None:
        """A new cgroup with the old name and a new main process. None once the host is closed: a restart that is still being
        answered must not outlive the test."""
        with self.host.life_lock:
            if not self.host.closed:
                self._begin_life()

    def _begin_life(self) -> None:
        self.exit_code = None
        if self.cgroup_path.exists():
            shutil.rmtree(self.cgroup_path)
        self.cgroup = Cgroup(self.cgroup_path, str(self.settings.memory) if self.settings.memory else "max")
        self.use(**self.initial_memory)
        folder = self.host.folder / "lives" / f"{self.id[:12]}-{next(self.lives)}"
        folder.mkdir(parents=True)
        self.main = MainProcess(folder, self.handled, self.ends)
        self.cgroup.set("cgroup.procs", self.main.pid)
        self.host.add_process(self.main.pid, self.scope, self.root)

    def use(self, **memory: int) -> None:
        """Its memory, and with it that of the slices above."""
        self.cgroup.memory(**memory)
        for node in self.host.slices_of(self):
            node.memory(anon=self.host.below(node, self))

    def end_life(self, exit_code: int | None = None) -> None:
        """Its main process is gone: the cgroup is removed, then Docker's `die`."""
        self.main.kill()
        self.exit_code = self.main.exit_code() if exit_code is None else exit_code
        self.host.remove_process(self.main.pid)
        shutil.rmtree(self.cgroup_path, ignore_errors=True)
        self.host.engine.emit("die", self, exitCode=str(self.exit_code))

    def remove(self) -> None:
        """`docker rm -f`."""
        if self.running:
            self.host.engine.emit("kill", self, signal="9")
            self.end_life()
        with self.host.engine.lock:
            self.host.engine.containers.pop(self.id, None)
        self.host.engine.emit("destroy", self)

    @property
    def running(self) -> bool:
        return self.exit_code is None

    @property
    def scope(self) -> str:
        return f"{self.host.slice_path(self.settings.cgroup_parent or 'system.slice')}/docker-{self.id}.scope"

    @property
    def cgroup_path(self) -> Path:
        return self.host.tree / self.scope.lstrip("/")

    def frozen(self) -> bool:
        return self.cgroup.get("cgroup.freeze") == "1"

    # ---- the engine's calls

    def signal_number(self) -> int:
        text = self.settings.stop_signal.upper().removeprefix("SIG") or "TERM"
        if text.isdigit():
            return int(text)
        if text.startswith("RTMIN"):
            return 34 + int(text[6:] or 0)
        if text.startswith("RTMAX"):
            return 64 - int(text[6:] or 0)
        return int(getattr(signal, f"SIG{text}", signal.SIGTERM))

    def kill(self, number: int) -> None:
        """`docker kill -s`: the signal is sent, then the event."""
        self.main.send(number)
        self.host.engine.emit("kill", self, signal=str(number))

    def stop(self, request: Request | None = None) -> None:
        """`docker stop`: the stop signal, the grace, SIGKILL, `die`, `stop`."""
        grace = self.grace(request)
        self.kill(self.signal_number())
        if self.main.wait(grace) is None:
            self.kill(signal.SIGKILL)
        self.end_life()
        self.host.engine.emit("stop", self)

    def start(self, _: Request | None = None) -> None:
        if not self.running:
            self.begin_life()
            self.host.engine.emit("start", self)

    def restart(self, request: Request | None = None) -> None:
        if self.running:
            self.stop(request)
        self.start()
        self.host.engine.emit("restart", self)

    def grace(self, request: Request | None) -> float:
        asked = request.query.get("t") if request is not None else None
        seconds = int(asked) if asked is not None else self.settings.stop_timeout
        if seconds is None:
            seconds = 10
        return 3600.0 if seconds < 0 else float(min(seconds, 3600))

    def update(self, request: Request) -> dict:
        memory = request.body.get("Memory", self.settings.memory)
        self.settings.memory, self.settings.memory_swap = memory, request.body.get("MemorySwap", self.settings.memory_swap)
        self.cgroup.set("memory.max", memory)
        self.host.engine.emit("update", self)
        return {"Warnings": []}

    def rename(self, name: str) -> None:
        old, self.name = self.name, name
        self.host.engine.emit("rename", self, oldName=f"/{old}")

    def event_attributes(self) -> dict[str, str]:
        return {"name": self.name, "image": "scripted", **self.labels}

    def summary(self) -> dict:
        return {"Id": self.id, "Names": [f"/{self.name}"], "State": "running" if self.running else "exited", "Labels": self.labels}

    def inspect(self) -> dict:
        config = {"Image": "scripted", "Labels": self.labels, "StopSignal": self.settings.stop_signal}
        if self.settings.stop_timeout is not None:
            config["StopTimeout"] = self.settings.stop_timeout
        swap = self.settings.memory if self.settings.memory_swap is None else self.settings.memory_swap
        return {"Id": self.id, "Name": f"/{self.name}", "RestartCount": 0, "Config": config,
                "State": {"Status": "running" if self.running else "exited", "Running": self.running, "Paused": False,
                          "Pid": self.main.pid if self.running else 0, "ExitCode": self.exit_code or 0},
                "HostConfig": {"Memory": self.settings.memory, "MemorySwap": swap, "CgroupParent": self.settings.cgroup_parent,
                               "RestartPolicy": {"Name": self.settings.restart_policy}, "PidMode": self.settings.pid_mode,
                               "NetworkMode": self.settings.network_mode, "IpcMode": self.settings.ipc_mode},
                "NetworkSettings": {"Networks": {name: {"IPAddress": ip} for name, ip in self.networks.items()}}}


class Host:
    """The whole of it. `close()` ends every process that it started."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.tree, self.proc, self.sys = folder / "cgroup", folder / "proc", folder / "sys"
        self._slices: dict[str, Cgroup] = {}
        self._all: list[Container] = []
        self.life_lock, self.closed = threading.Lock(), False
        self.tree.mkdir()
        write(self.tree / "cgroup.controllers", "cpuset cpu io memory pids\n")
        write(self.tree / "cgroup.procs", "")
        write(self.tree / "memory.pressure", FILES["memory.pressure"])
        self.slice("system.slice")
        self.meminfo(total=8 << 30, available=6 << 30)
        write(self.proc / "sys/kernel/random/boot_id", "scripted-boot\n")
        self.swappiness(60)
        self.swaps()
        write(self.proc / "self/cgroup", "0::/init.scope\n")
        write(self.proc / "self/mountinfo", f"30 1 0:26 / {self.tree} rw - cgroup2 cgroup2 rw,memory_recursiveprot\n")
        write(self.proc / "self/oom_score_adj", "0\n")
        self.sys.mkdir()
        self.engine = Engine(folder / "docker.sock")
        self._stop = threading.Event()
        self._kernel = threading.Thread(target=self._run_kernel, daemon=True)
        self._kernel.start()

    # ---- the tree

    @staticmethod
    def slice_path(name: str) -> str:
        """systemd's nesting: a-b.slice lies in a.slice."""
        parts = name.removesuffix(".slice").split("-")
        return "".join("/" + "-".join(parts[:n]) + ".slice" for n in range(1, len(parts) + 1))

    def slice(self, name: str, maximum: int | str = "max") -> Cgroup:
        if name not in self._slices:
            self._slices[name] = Cgroup(self.tree / self.slice_path(name).lstrip("/"), str(maximum))
        return self._slices[name]

    def slices_of(self, container: Container) -> list[Cgroup]:
        """The slices above a container that a test made."""
        return [node for node in self._slices.values() if container.cgroup_path.is_relative_to(node.path)]

    def below(self, node: Cgroup, new: Container) -> int:
        """Anonymous memory of all containers below a slice, one included that is being made."""
        total = 0
        for container in {*self._all, new}:
            if container.running and container.cgroup_path.is_relative_to(node.path):
                stat = dict(line.split() for line in (container.cgroup.path / "memory.stat").read_text().splitlines())
                total += int(stat["anon"])
        return total

    def container(self, service: str = "coach", project: str = "shop", ident: str | None = None, labels: dict | None = None,
                  handled: tuple[int, ...] = (signal.SIGTERM,), ends: tuple[int, ...] | None = None, start: bool = True,
                  using: dict[str, int] | None = None, **settings: object) -> Container:
        """A new container that runs, and uses that much memory in each life; `start` sends Docker's event."""
        ident = ident or f"{len(self._all) + 1:x}".rjust(2, "0") * 32
        made = Container(self, ident, project, service, Settings(**settings), labels or {}, handled, ends,
                         using or {"anon": 200 * MIB})
        self._all.append(made)
        with self.engine.lock:
            self.engine.containers[ident] = made
        if start:
            self.engine.emit("start", made)
        return made

    # ---- /proc

    def meminfo(self, total: int, available: int, swap_total: int = 0, swap_free: int = 0, hugetlb: int = 0) -> None:
        values = {"MemTotal": total, "MemFree": available, "MemAvailable": available, "SwapTotal": swap_total, "SwapFree": swap_free,
                  "Hugetlb": hugetlb}
        write(self.proc / "meminfo", "".join(f"{key + ':':<16}{value >> 10:>8} kB\n" for key, value in values.items()))

    def swappiness(self, value: int) -> None:
        write(self.proc / "sys/vm/swappiness", f"{value}\n")

    def swaps(self, **devices: tuple[int, int]) -> None:
        """/proc/swaps: name -> (size, used) in bytes; names as below /dev."""
        lines = [f"/dev/{name}\t\tpartition\t{size >> 10}\t{used >> 10}\t-2\n" for name, (size, used) in devices.items()]
        write(self.proc / "swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n" + "".join(lines))

    def add_process(self, pid: int, scope: str, root: Path | None = None) -> None:
        folder = self.proc / str(pid)
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "cgroup", f"0::{scope}\n")
        write(folder / "oom_score_adj", "0\n")
        if root is not None:
            os.symlink(root, folder / "root")
        for name in ("status", "stat"):
            if not (folder / name).is_symlink():
                os.symlink(f"/proc/{pid}/{name}", folder / name)

    def remove_process(self, pid: int) -> None:
        shutil.rmtree(self.proc / str(pid), ignore_errors=True)

    # ---- what the kernel does with what is written

    def _run_kernel(self) -> None:
        stopped: set[int] = set()
        while not self._stop.wait(0.002):
            for container in list(self._all):
                try:
                    self._apply(container, stopped)
                except (OSError, ValueError):
                    pass  # between two lives

    @staticmethod
    def _apply(container: Container, stopped: set[int]) -> None:
        """Freezing is SIGSTOP, so that signals stay pending; cgroup.kill is SIGKILL."""
        cgroup, pid = container.cgroup, container.main.pid
        frozen = cgroup.get("cgroup.freeze") == "1"
        if frozen and pid not in stopped:
            stopped.add(pid)
            container.main.send(signal.SIGSTOP)
            write(cgroup.path / "cgroup.events", "populated 1\nfrozen 1\n")
        elif not frozen and pid in stopped:
            stopped.discard(pid)
            write(cgroup.path / "cgroup.events", "populated 1\nfrozen 0\n")
            container.main.send(signal.SIGCONT)
        if cgroup.get("cgroup.kill") == "1":
            write(cgroup.path / "cgroup.kill", "")
            container.main.send(signal.SIGKILL)

    def close(self) -> None:
        self.engine.close()
        self._stop.set()
        self._kernel.join()
        with self.life_lock:
            self.closed = True
        for container in self._all:
            container.main.kill()


__all__ = ["MIB", "Answer", "Cgroup", "Container", "Host", "write"]
