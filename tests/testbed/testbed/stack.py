# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A Compose project in the guest, written so that a test reads as a scenario."""

from __future__ import annotations

import json
import shlex
import struct
from dataclasses import dataclass

from . import paths
from .guest import APPS, Event, Guest
from .ssh import Result
from .wait import until
from .workers import HEARTBEAT, Leaker

ENDING = "SAVED COMPLETELY"
GOVERNOR = "governor"
BUS = "/run/dbus/system_bus_socket"
SHIPPED = paths.REPOSITORY / "deploy/compose"


@dataclass(frozen=True)
class Beat:
    """One slot of a leaker's heartbeat file; times are the guest's CLOCK_MONOTONIC."""

    now_ns: int
    bytes: int
    signal_ns: int
    saved_ns: int


class Service:
    def __init__(self, stack: "Stack", name: str):
        self.stack, self.name = stack, name
        self.guest = stack.guest
        self.container = f"{stack.project}-{name}-1"
        self.out = f"{stack.folder}/out/{name}"
        self._exits_seen = 0

    # -- the container ---------------------------------------------------------------------------
    def inspect(self) -> dict:
        found = self.guest.inspect(self.container)
        assert found, f"no container {self.container}"
        return found

    @property
    def id(self) -> str:
        return self.inspect()["Id"]

    @property
    def pid(self) -> int:
        return self.inspect()["State"]["Pid"]

    @property
    def running(self) -> bool:
        found = self.guest.inspect(self.container)
        return bool(found and found["State"]["Running"])

    @property
    def restarts(self) -> int:
        """Starts after the first one, whoever asked for them (Docker's own counter forgets API restarts)."""
        return max(0, len(self.events("start")) - 1)

    def events(self, action: str | None = None) -> list[Event]:
        return [e for e in self.stack.events() if e.service == self.name and action in (None, e.action)]

    def logs(self) -> str:
        """What it printed, then its errors; from Docker's own file, which costs no client."""
        found = self.guest.inspect(self.container)
        if found and found["LogPath"]:
            entries = [json.loads(line) for line in (self.guest.grown(found["LogPath"]) or "").splitlines() if line.endswith("}")]
            return "".join(entry["log"] for stream in ("stdout", "stderr") for entry in entries if entry["stream"] == stream)
        done = self.guest.docker("logs", self.container, check=False)
        return done.out + done.err

    def exec(self, command: str, timeout: float = 60, check: bool = True) -> Result:
        return self.guest.docker("exec", self.container, "sh", "-c", command, timeout=timeout, check=check)

    # -- waiting ---------------------------------------------------------------------------------
    def wait_running(self, timeout: float = 90) -> "Service":
        until(lambda: self.running, f"{self.name} to run", timeout)
        return self

    def wait_exit(self, timeout: float = 120) -> int:
        """The exit code of the next end that no earlier call has reported."""
        def next_exit() -> list[Event]:
            return self.events("die")[self._exits_seen:]

        event = until(next_exit, f"{self.name} to exit", timeout)[0]
        self._exits_seen += 1
        return int(event.attributes["exitCode"])

    def wait_event(self, action: str, count: int = 1, timeout: float = 120) -> Event:
        found = until(lambda: self.events(action)[count - 1:], f"{action} number {count} of {self.name}", timeout)
        return found[0]

    def wait_log(self, text: str, timeout: float = 90) -> None:
        until(lambda: text in self.logs(), f"'{text}' in the log of {self.name}", timeout)

    def wait_memory(self, at_least: int, timeout: float = 90) -> int:
        """Waits until memory.current has reached so many bytes."""
        def enough() -> int:
            text = self.read("memory.current") or "0"
            return int(text) if int(text) >= at_least else 0

        return until(enough, f"{self.name} to use {at_least >> 20} MiB", timeout, pause=0.1)

    # -- the cgroup ------------------------------------------------------------------------------
    @property
    def cgroup(self) -> str:
        found = self.inspect()
        return self.guest.cgroup(found["Id"], found["HostConfig"]["CgroupParent"])

    def read(self, file: str) -> str | None:
        return self.guest.read(f"{self.cgroup}/{file}")

    def counters(self, file: str) -> dict[str, int]:
        return self.guest.counters(f"{self.cgroup}/{file}")

    def write(self, file: str, text: str) -> None:
        self.guest.write(f"{self.cgroup}/{file}", text)

    def oom_kills(self) -> int:
        """Kills in every container that this service has had; they are remembered by the kernel's log."""
        ids = {event.container for event in self.events()}
        return sum(len(self.guest.oom_reports(container)) for container in ids)

    # -- what the worker left --------------------------------------------------------------------
    def saved_files(self) -> list[str]:
        """The files that were saved whole: 1 MiB, with the ending."""
        done = self.guest.run(f"cd {self.out} && for f in *.saved; do [ -e \"$f\" ] || continue; "
                              f"[ $(stat -c %s \"$f\") = 1048576 ] && tail -c 32 \"$f\" | grep -q '{ENDING}' "
                              "&& echo \"$f\"; done; true")
        return done.out.split()

    def heartbeats(self) -> list[Beat]:
        """The slots that the worker has used (leaker(..., heartbeat=True))."""
        text = self.guest.run(f"od -An -v -t x1 {self.out}/{HEARTBEAT.rsplit('/', 1)[1]}").out
        slots = (Beat(*fields) for fields in struct.iter_unpack("=QQQQ", bytes.fromhex(text)))
        return [slot for slot in slots if slot.now_ns]


class Stack:
    def __init__(self, guest: Guest, project: str):
        self.guest, self.project = guest, project
        self.folder = f"/srv/stacks/{project}"
        self.services: dict[str, Service] = {}
        self._definitions: dict[str, dict] = {}
        #: A Compose file of the repository beside our own one.
        self._shipped = ""

    # -- what is in it ---------------------------------------------------------------------------
    def service(self, name: str, definition: dict) -> Service:
        """Any service, in Compose's own words."""
        # None takes a default away; Compose does not know null.
        self._definitions[name] = {key: value for key, value in definition.items() if value is not None}
        return self.services.setdefault(name, Service(self, name))

    def worker(self, name: str, work: Leaker, limit: str | None = "256m", restart: str = "no",
               **more: object) -> Service:
        """A worker with its memory limit and no swap; without a network unless it asks for one."""
        service = Service(self, name)
        definition: dict = {"image": work.image, "command": work.command, "restart": restart,
                            "volumes": [f"{APPS}:{APPS}:ro", f"{service.out}:/out"]}
        if limit:
            definition |= {"mem_limit": limit, "memswap_limit": limit}
        if "networks" not in more and "ports" not in more:
            definition["network_mode"] = "none"
        return self.service(name, definition | more)

    def postgres(self, name: str = "postgres", limit: str | None = None, **more: object) -> Service:
        definition: dict = {"image": "testbed/postgres", "volumes": ["pgdata:/var/lib/postgresql/data"],
                            "restart": "unless-stopped"}
        return self.service(name, definition | ({"mem_limit": limit} if limit else {}) | more)

    def redis(self, name: str = "redis", limit: str | None = None, **more: object) -> Service:
        definition: dict = {"image": "testbed/redis", "restart": "unless-stopped"}
        return self.service(name, definition | ({"mem_limit": limit} if limit else {}) | more)

    def governor(self, policy: str, *arguments: str, environment: dict | None = None, bus: str | None = BUS,
                 **more: object) -> Service:
        """The governor as one more service, with `policy` (YAML text) as its only policy. `bus` is the socket that it finds in
        the place of the system bus's; None: it has none."""
        self.policy(policy)
        definition = {
            "image": self.guest.governor_image, "restart": "unless-stopped", "cgroup": "host", "pid": "host",
            "userns_mode": "host", "network_mode": "none", "environment": environment or {},
            # As deploy/compose/governor.yaml: what is tested is the least privilege that is shipped.
            "read_only": True, "cap_drop": ["ALL"], "cap_add": ["KILL", "SYS_RESOURCE", "DAC_OVERRIDE", "SYS_PTRACE", "IPC_LOCK", "SYSLOG"],
            "devices": ["/dev/kmsg:/dev/kmsg:r"],
            "security_opt": ["no-new-privileges:true"], "mem_limit": "128m",
            "command": ["run", "--policy", "/etc/governor/policies.d", *arguments],
            "volumes": ["/sys/fs/cgroup:/sys/fs/cgroup:rw", "/var/run/docker.sock:/var/run/docker.sock",
                        "/run/governor:/run/governor",
                        f"{self.folder}/policies:/etc/governor/policies.d:ro",
                        f"{self.folder}/state:/var/lib/governor"],
        }
        if bus:
            mount = "/run/dbus:/run/dbus:ro" if bus == BUS else f"{bus}:{BUS}"
            definition["volumes"].append(mount)  # type: ignore[attr-defined]
        if "networks" in more:
            del definition["network_mode"]
        return self.service(GOVERNOR, definition | more)

    def shipped_governor(self, file: str, policy: str) -> Service:
        """The governor as deploy/compose/FILE defines it, without a change."""
        self.policy(policy)
        self.guest.ssh.put(SHIPPED / file, f"{self.folder}/{file}")
        self._shipped = file
        self._definitions.pop(GOVERNOR, None)
        return self.services.setdefault(GOVERNOR, Service(self, GOVERNOR))

    def policy(self, text: str) -> None:
        """Replaces the policy; a running governor is told with cli("reload")."""
        self.guest.ssh.write(f"{self.folder}/policies/policy.yaml", text)

    def cli(self, *words: str, timeout: float = 60, check: bool = True) -> Result:
        """The governor's command line, inside its container."""
        return self.guest.docker("exec", self.services[GOVERNOR].container, "governor", *words,
                                 timeout=timeout, check=check)

    # -- what is done with it --------------------------------------------------------------------
    def compose(self, *words: str, timeout: float = 240, check: bool = True) -> Result:
        files = ["-f", f"{self.folder}/compose.json"]
        environment: list[str] = []
        if self._shipped:
            files += ["-f", f"{self.folder}/{self._shipped}"]
            environment = [f"GOVERNOR_IMAGE={self.guest.governor_image}", f"GOVERNOR_POLICIES={self.folder}/policies"]
        command = ["env", *environment, "docker", "compose", "--progress", "quiet", "-p", self.project, *files, *words]
        return self.guest.run(command, timeout, check)

    def write(self) -> None:
        # JSON is YAML: Compose reads it, and Python writes it without another package.
        document: dict = {"services": self._definitions}
        if any("pgdata:" in str(d.get("volumes")) for d in self._definitions.values()):
            document["volumes"] = {"pgdata": {}}
        folders = " ".join(shlex.quote(s.out) for s in self.services.values())
        self.guest.run(f"mkdir -p {folders} {self.folder}/policies {self.folder}/state && chmod 777 {folders} "
                       f"&& cat > {self.folder}/compose.json", data=json.dumps(document, indent=1).encode())

    def up(self, *names: str) -> "Stack":
        """`docker compose up -d`; may be called again after a definition has changed (a deploy)."""
        self.write()
        self.compose("up", "-d", *names)
        return self

    def down(self) -> None:
        """Removes it all, whatever state it is in: a frozen container cannot be stopped before it is thawed."""
        self.guest.run("cd /sys/fs/cgroup; for f in *.slice/docker-*.scope/cgroup.freeze */*.slice/docker-*.scope/cgroup.freeze "
                       "docker/*/cgroup.freeze; do [ -e $f ] && echo 0 > $f; done 2>/dev/null; true")
        try:
            self.guest.remove_project(self.project)
        except OSError:  # a VM of the command line has no window
            if self.guest.run(f"test -e {self.folder}/compose.json", check=False).code == 0:
                self.compose("down", "-v", "-t", "0", timeout=120)
        self.guest.run(["rm", "-rf", self.folder])

    def events(self) -> list[Event]:
        return [event for event in self.guest.events() if event.project == self.project]

    def timeline(self) -> str:
        return "\n".join(str(event) for event in self.events())
