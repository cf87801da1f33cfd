# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's Compose project: built, started, asked, removed. Touches nothing that is not its own."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path

from host import REPOSITORY, Host, Trouble

NAME = "governor-demo"
COACH, DATABASE, CACHE, TRACKER, GOVERNOR = "ai-coach-service", "postgres", "redis", "tracker-service", "governor"
SERVICES_IMAGE, GOVERNOR_IMAGE = "governor-demo-services", "governor-demo-governor"
MOUNT = "/sys/fs/cgroup"
START_SECONDS = 300
BUILD_SECONDS = 3600


@dataclass(frozen=True)
class Identity:
    """What changes when a container is restarted, by whomever."""

    id: str
    started: str
    pid: int
    restarts: int


@dataclass(frozen=True)
class Save:
    """One file that the coach left, checked."""

    name: str
    good: bool
    first: int = 0
    last: int = 0
    problem: str = ""


def container(service: str) -> str:
    return f"{NAME}-{service}-1"


def governor_context(binary: Path | None) -> tuple[str, bytes]:
    """The Dockerfile, and only what it copies: the repository holds gigabytes of builds. Without a binary: from source."""
    buffer = io.BytesIO()
    dockerfile = "deploy/docker/Dockerfile" + ("" if binary else ".source")
    sources = ("CMakeLists.txt", "CMakePresets.json", "LICENSE", "cgroup", "governor", "policies", "deploy/cmake")
    with tarfile.open(fileobj=buffer, mode="w:gz", compresslevel=1) as tar:
        if binary:
            for name in (binary.name, "governor-guardian"):
                tar.add(binary.with_name(name), f"build/release/bin/{name}")
        for name in (dockerfile, *(("policies/presets",) if binary else sources)):
            tar.add(REPOSITORY / name, name)
    return dockerfile, buffer.getvalue()


class Project:
    def __init__(self, host: Host):
        self.host = host
        driver = host.text(["docker", "info", "--format", "{{.CgroupDriver}}"])
        self.systemd = driver == "systemd"
        self.parent = "governordemo.slice" if self.systemd else "governordemo"
        self.slice = f"{MOUNT}/{self.parent}"

    # -- life ------------------------------------------------------------------------------------
    def leftovers(self) -> list[str]:
        words = ["docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={NAME}"]
        return self.host.text(words).split()

    def build(self, binary: Path | None) -> None:
        dockerfile, context = governor_context(binary)
        # With classic Docker builders too: the archive is the context, and it is small.
        governor = ["docker", "build", "-q", "-t", GOVERNOR_IMAGE, "--build-arg", f"BASE={self.host.governor_base}",
                    "-f", dockerfile, "-"]
        services = ["docker", "build", "-q", "-t", SERVICES_IMAGE, "--build-arg", f"BASE={self.host.base}",
                    f"{self.host.compose}/demo"]
        self.host.together((services, BUILD_SECONDS), (governor, BUILD_SECONDS, context))

    def _compose(self, *words: str) -> list[str]:
        environment = self.host.environment | {"DEMO_CGROUP_PARENT": self.parent}
        return ["env", *(f"{key}={value}" for key, value in environment.items()), "docker", "compose", "--progress", "quiet",
                "-f", f"{self.host.compose}/demo/compose.yaml", *words]

    def create(self) -> None:
        self.host.run(self._compose("create", "--no-build"), START_SECONDS)

    def start(self, *services: str) -> None:
        self.host.together(*((["docker", "start", container(each)], START_SECONDS) for each in services))

    def down(self) -> None:
        # The governor first: it thaws what it holds. A frozen container could not end in good order.
        self.host.run(self._compose("stop", "-t", "10", GOVERNOR), 60, check=False)
        self.host.run(self._compose("down", "--volumes", "--timeout", "0"), 120)
        self.host.run(["docker", "image", "rm", "-f", SERVICES_IMAGE, GOVERNOR_IMAGE], 60, check=False)
        leave = ["systemctl", "--quiet", "stop", self.parent] if self.systemd else ["rmdir", self.slice]
        self.host.run(leave, check=False)  # it is empty and does no harm; without root it stays

    # -- questions -------------------------------------------------------------------------------
    def identities(self, *services: str) -> dict[str, Identity]:
        found = json.loads(self.host.text(["docker", "inspect", *(container(service) for service in services)]))
        return {service: Identity(each["Id"], each["State"]["StartedAt"], each["State"]["Pid"], each["RestartCount"])
                for service, each in zip(services, found)}

    def cgroup(self, identity: Identity) -> str:
        return f"{self.slice}/" + (f"docker-{identity.id}.scope" if self.systemd else identity.id)

    def oom_kills(self) -> int:
        """The kernel's count in all containers of the demo, also those that are gone."""
        counters = dict(line.split() for line in self.host.text(["cat", f"{self.slice}/memory.events"]).splitlines())
        return int(counters["oom_kill"])

    def rows(self) -> tuple[int, float]:
        """How many rows the tracker has written, and the longest time between two, in seconds."""
        query = ("select count(*), coalesce(max(gap), 0) from "
                 "(select extract(epoch from at - lag(at) over (order by at)) gap from visit) t")
        words = ["docker", "exec", container(DATABASE), "psql", "-U", "postgres", "-h", "127.0.0.1", "-AtF", " ", "-c", query]
        count, gap = self.host.text(words).split()
        return int(count), float(gap)

    def check_save(self, number: int, last: int) -> Save:
        """Checks the coach's file of that number: whole, and going on where the one before ended."""
        name = f"save-{number:04}.json"
        try:
            packed = self.host.run(["docker", "cp", f"{container(COACH)}:/saves/{name}", "-"])
        except Trouble:
            return Save(name, False, problem="there is no such file")
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            member = tar.extractfile(name)
            text = member.read() if member else b""
        return check_save(name, text, last)


def check_save(name: str, text: bytes, last: int) -> Save:
    body, _, checksum = text.rstrip(b"\n").rpartition(b"\nsha256:")
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        return Save(name, False, problem="its checksum is wrong")
    numbers = [result["profile"] for result in json.loads(body)]
    if numbers != list(range(last + 1, last + 1 + len(numbers))):
        return Save(name, False, problem=f"work is missing after profile {last}")
    return Save(name, True, last + 1, last + len(numbers))
