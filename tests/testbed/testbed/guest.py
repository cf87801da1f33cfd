# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The guest as a Docker host: Docker, cgroups, clocks, kernel log, and the governor's image."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import subprocess
import tarfile
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from . import image, paths
from .machine import Machine
from .ssh import GuestError, Result
from .wait import until
from .window import Missing, Window

EVENTS = "/run/testbed/events.jsonl"
CGROUP = "/sys/fs/cgroup"
APPS = "/opt/testbed/apps"
#: Seconds without a recorded event after which Docker is asked for its history.
MISSED_AFTER = 20.0


@dataclass(frozen=True)
class Event:
    """A Docker event, with what tests ask for pulled up."""

    action: str
    container: str
    project: str
    service: str
    seconds: float
    attributes: dict

    @classmethod
    def parse(cls, raw: dict) -> "Event":
        attributes = raw["Actor"]["Attributes"]
        label = "com.docker.compose."
        return cls(raw["Action"], raw["Actor"]["ID"], attributes.get(label + "project", ""),
                   attributes.get(label + "service", ""), raw["timeNano"] / 1e9, attributes)

    def __str__(self) -> str:
        detail = {k: v for k, v in self.attributes.items() if k in ("exitCode", "signal", "execDuration")}
        return f"{self.seconds:.3f} {self.service} {self.action} {detail or ''}".rstrip()


class Guest:
    def __init__(self, machine: Machine):
        self.machine = machine
        self.ssh = machine.ssh
        #: Docker's, as engine.cgroup_driver() leaves it.
        self.cgroup_driver = "systemd"
        self._window = Window(self.ssh, machine.folder)
        self._recorded = b""
        self._events: list[Event] = []
        self._quiet_since = time.monotonic()

    def prepare(self) -> None:
        """After a restore: the workers, and a recorder of Docker's events."""
        with tempfile.TemporaryDirectory() as folder:
            apps = Path(folder) / "apps"
            apps.mkdir()
            for source in paths.APPS.iterdir():
                if source.suffix == ".py":
                    (apps / source.name).write_bytes(source.read_bytes())
            shutil.copytree(paths.APPS / "pools", apps / "pools", ignore=shutil.ignore_patterns("__pycache__"))
            subprocess.run(["gcc", "-static", "-O2", "-pthread", "-Wall", "-o", str(apps / "leaker"),
                            str(paths.APPS / "leaker.c")], check=True, timeout=60)
            self.ssh.put(apps, APPS)
        self._window.open()
        self.record_events()

    def record_events(self) -> None:
        """dockerd keeps only the last 256 events; a scenario's evidence needs all of them. Ends with dockerd: call it again then."""
        self.run("systemctl stop testbed-events", check=False)  # it may not have noticed yet that its dockerd is gone
        self.run(f"mkdir -p {Path(EVENTS).parent} && systemd-run --quiet --collect --unit=testbed-events "
                 f"sh -c 'exec docker events --format \"{{{{json .}}}}\" >> {EVENTS}'")

    # -- commands --------------------------------------------------------------------------------
    def run(self, command: str | list[str], timeout: float = 60, check: bool = True,
            data: bytes | None = None) -> Result:
        try:
            return self.ssh.run(command, timeout, check, data)
        except GuestError:
            self.machine.check()  # a guest that is gone or broken is the better explanation
            raise

    def docker(self, *words: str, timeout: float = 120, check: bool = True) -> Result:
        return self.run(["docker", *words], timeout, check)

    def api(self, path: str) -> object:
        """A GET of Docker's API: a tenth of the price of the docker client under emulation."""
        try:
            return self._window.docker(path, timeout=30)
        except OSError:
            pass  # a VM of the command line has no window
        answer = self.run(["curl", "-s", "--max-time", "30", "--unix-socket", "/run/docker.sock", f"http://d{path}"])
        return json.loads(answer.out)

    def inspect(self, container: str) -> dict | None:
        """None when there is no such container."""
        found = self.api(f"/containers/{container}/json")
        return found if isinstance(found, dict) and "State" in found else None

    def remove_project(self, project: str) -> None:
        """What `docker compose down -v -t 0` does, at once and without its client's seconds. Raises OSError without a window."""
        mine = quote(json.dumps({"label": [f"com.docker.compose.project={project}"]}))

        def containers() -> list[str]:
            return [f"/containers/{one['Id']}?force=1&v=1" for one in self._window.docker(f"/containers/json?all=1&filters={mine}", 60)]

        def gone() -> bool:
            """One that is being removed already answers so (409); a governor may start one in between."""
            with ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda path: self._window.delete(path, 120), containers()))
            return not containers()

        until(gone, f"the containers of {project} to be gone", 120)
        for network in self._window.docker(f"/networks?filters={mine}", 60):
            self._window.delete(f"/networks/{network['Id']}", 60)
        for volume in self._window.docker(f"/volumes?filters={mine}", 60)["Volumes"] or []:
            self._window.delete(f"/volumes/{volume['Name']}?force=1", 60)

    def events(self) -> list[Event]:
        """All that were recorded, and what the recorder was not told; each line is parsed once."""
        text = (self.grown(EVENTS) or "").encode()
        whole = text[:text.rfind(b"\n") + 1]  # the recorder may be in the middle of a line
        if not whole.startswith(self._recorded):
            self._recorded, self._events = b"", []
        new = whole[len(self._recorded):]
        self._recorded = whole
        if new:
            self._quiet_since = time.monotonic()
        elif time.monotonic() - self._quiet_since > MISSED_AFTER:
            self._quiet_since = time.monotonic()
            new = self._history()
        self._add(new)
        return list(self._events)

    def _history(self) -> bytes:
        """Docker's last 256 events. Its publisher drops one for a listener, however idle that is, when the machine stands still for
        100 ms in the wrong moment: the timer and the listener are both ready then, and Go takes either."""
        return self.run("docker events --since 10m --until 0s --format '{{json .}}'", check=False).out.encode()

    def _add(self, lines: bytes) -> None:
        known = {(event.seconds, event.container, event.action) for event in self._events}
        for line in lines.splitlines():
            raw = json.loads(line)
            if raw.get("Type") != "container":
                continue
            event = Event.parse(raw)
            if (event.seconds, event.container, event.action) not in known:
                self._events.append(event)

    # -- the kernel ------------------------------------------------------------------------------
    def monotonic_ns(self) -> int:
        """The guest's CLOCK_MONOTONIC, comparable with the workers' heartbeats."""
        return int(self.run(["python3", "-I", "-S", "-c", "import time; print(time.monotonic_ns())"]).out)

    def cgroup(self, container_id: str, parent: str = "") -> str:
        """Where Docker keeps a container; `parent` is its `cgroup_parent`, if it has one."""
        if self.cgroup_driver == "cgroupfs":
            return f"{CGROUP}/{parent.strip('/') or 'docker'}/{container_id}"
        return f"{CGROUP}/{slice_path(parent or 'system.slice')}/docker-{container_id}.scope"

    def read(self, path: str) -> str | None:
        """A file's text; None when it is gone, which for a cgroup is a normal outcome."""
        try:
            return self._window.read(path).decode(errors="replace")
        except Missing:
            return None
        except OSError:
            pass  # a VM of the command line has no window
        done = self.run(["cat", path], check=False)
        return done.out if done.code == 0 else None

    def grown(self, path: str) -> str | None:
        """As read(), for a file that others append to."""
        try:
            return self._window.grown(path).decode(errors="replace")
        except Missing:
            return None
        except OSError:
            return self.read(path)

    def write(self, path: str, text: str) -> None:
        self.run(f"printf %s {shlex.quote(text)} > {shlex.quote(path)}")

    def counters(self, path: str) -> dict[str, int]:
        """A flat keyed file such as memory.events or memory.stat; empty when it is gone."""
        text = self.read(path) or ""
        return {key: int(value) for key, value in (line.split() for line in text.splitlines())}

    def oom_kills(self) -> int:
        """OOM kills in all containers since boot. system.slice outlives them and counts for its children."""
        return self.counters(f"{CGROUP}/system.slice/memory.events")["oom_kill"]

    def kernel_log(self) -> str:
        return self.run("dmesg").out

    def oom_reports(self, container_id: str) -> list[str]:
        """The kernel's own reports of kills in one container, the only record left once its cgroup is gone."""
        pattern = rf"oom-kill:.*task_memcg=\S*docker[-/]{container_id}"
        return [line for line in self.kernel_log().splitlines() if re.search(pattern, line)]

    # -- the governor ----------------------------------------------------------------------------
    @cached_property
    def governor_image(self) -> str:
        """Built once per VM, when the first scenario needs it."""
        return self.build_governor_image()

    def build_governor_image(self) -> str:
        """As an operator would, from what the repository's build left."""
        tag, work = "governor:test", "/opt/testbed/governor"
        self.run(f"rm -rf {work} && mkdir -p {work} && tar -C {work} -x", timeout=120, data=_governor_context())
        self.run(f"cd {work} && DOCKER_BUILDKIT=0 docker build -q -t {tag} --build-arg BASE=testbed/governor-base "
                 "-f deploy/docker/Dockerfile .", timeout=300)
        return tag

    @cached_property
    def pools_image(self) -> str:
        """The image with the pool servers, put into this VM when the first scenario needs it: 15 s, where `docker import` of the same
        files takes minutes under emulation."""
        tag, file = "testbed/pools", "/opt/testbed/pools.squashfs"
        self.ssh.put(image.ensure_pools(), file, timeout=300)
        self.run(f"tar -c -T /dev/null | docker import --change 'CMD [\"bash\"]' - {tag}", timeout=120)
        layer = self.docker("image", "inspect", "-f", "{{.GraphDriver.Data.UpperDir}}", tag).out.strip()
        self.run(f"mount -o loop,ro -t squashfs {file} {shlex.quote(layer)}")
        return tag

    def wait_docker(self, timeout: float = 120) -> None:
        until(lambda: self.run("docker info >/dev/null 2>&1", check=False).code == 0, "docker to answer", timeout)


def slice_path(name: str) -> str:
    """systemd's own rule: a-b.slice lies in a.slice."""
    parts = name.removesuffix(".slice").split("-")
    return "/".join("-".join(parts[:n]) + ".slice" for n in range(1, len(parts) + 1))


def _governor_context() -> bytes:
    """The build context as a tar: what the Dockerfile may copy, with the binaries' debug information left out."""
    root = paths.REPOSITORY
    binaries = [root / "build/release/bin" / name for name in ("governor", "governor-guardian")]
    for binary in binaries:
        if not binary.exists():
            raise FileNotFoundError(f"{binary}: build it first (cmake --build --preset release)")
    buffer = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=buffer, mode="w") as tar:
        for binary in binaries:
            stripped = Path(folder) / binary.name
            subprocess.run(["strip", "-o", str(stripped), str(binary)], check=True, timeout=60)
            tar.add(stripped, f"build/release/bin/{binary.name}")
        for name in ("deploy", "policies/presets", "LICENSE", ".dockerignore"):
            if (root / name).exists():
                tar.add(root / name, name)
    return buffer.getvalue()
