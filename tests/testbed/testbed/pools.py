# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Real servers that are a pool of processes, from Debian's packages, each with an application that leaks; and a constant load on them."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field

from .guest import APPS, Guest
from .ssh import GuestError
from .stack import Service, Stack
from .wait import until

FOLDER = f"{APPS}/pools"
#: The one of the container and the published one.
PORT = 8000
NAME = "pool"
WORKERS = 4
GUNICORN = ["gunicorn", "--chdir", FOLDER, "-b", f"0.0.0.0:{PORT}", "-w", str(WORKERS), "--graceful-timeout", "30"]


@dataclass(frozen=True)
class Pool:
    """A server in its container, and what a policy says of it."""

    name: str
    command: list[str]
    #: The file in policies/presets that is for it.
    preset: str
    #: Its graceful signal for one child.
    signal: str = "TERM"
    #: Arguments of Compose beside the command.
    more: dict = field(default_factory=dict)
    #: Another service takes the requests: a web server in front of it.
    front: dict | None = None
    #: Tasks through a broker instead of requests.
    tasks: bool = False
    environment: dict = field(default_factory=dict)


def gunicorn(worker_class: str = "gthread", hook: bool = True) -> list[str]:
    """`hook`: with the configuration that mends what gthread does at its stop (apps/pools/gunicorn.conf.py)."""
    more = ["--threads", "4", *(["-c", f"{FOLDER}/gunicorn.conf.py"] if hook else [])] if worker_class == "gthread" else []
    return [*GUNICORN, "-k", worker_class, *more, "wsgi:application"]


POOLS = {pool.name: pool for pool in [
    Pool("gunicorn-gthread", gunicorn(hook=False), "gunicorn"),
    Pool("gunicorn-gthread-hook", gunicorn(), "gunicorn"),
    Pool("gunicorn-sync", gunicorn("sync"), "gunicorn"),
    Pool("uvicorn", ["uvicorn", "--app-dir", FOLDER, "--host", "0.0.0.0", "--port", str(PORT), "--workers", str(WORKERS),
                     "--no-access-log", "asgi:application"], "uvicorn"),
    Pool("celery", ["sh", "-c", f"cd {FOLDER} && exec python3 -m celery -A tasks worker -c {WORKERS} --loglevel WARNING "
                    "--without-gossip --without-mingle"], "celery", tasks=True),
    Pool("php-fpm", ["php-fpm8.4", "-F", "-O", "-R", "-y", f"{FOLDER}/php-fpm.conf"], "php-fpm", signal="QUIT",
         more={"stop_signal": "SIGQUIT"}, front={"command": ["nginx", "-c", f"{FOLDER}/nginx-php.conf", "-g", "daemon off;"],
                                                 "stop_signal": "SIGQUIT"}),
    Pool("nginx", ["nginx", "-c", f"{FOLDER}/nginx-leak.conf"], "nginx", signal="QUIT", more={"stop_signal": "SIGQUIT"}),
    Pool("apache", ["apache2", "-f", f"{FOLDER}/apache.conf", "-DFOREGROUND"], "apache", signal="USR1",
         more={"stop_signal": "SIGWINCH"}),
    Pool("puma", ["puma", "-C", f"{FOLDER}/puma.rb"], "puma"),
    Pool("node", ["node", f"{FOLDER}/cluster.js"], "node"),
    # The same pool below something else that is PID 1.
    Pool("gunicorn-init", gunicorn(), "gunicorn", more={"init": True}),
    Pool("gunicorn-shell", ["sh", "-c", f"{shlex.join(gunicorn())} & trap 'kill $!; wait; exit 0' TERM; wait $!; exit $?"], "gunicorn"),
    Pool("supervisord", ["supervisord", "-c", f"{FOLDER}/supervisord.conf"], "gunicorn"),
]}


def prefork(*options: str) -> Pool:
    """The pool of apps/pools/prefork.py, for what no real server does."""
    return Pool("prefork", ["python3", f"{FOLDER}/prefork.py", *options], "", more={"shm_size": "1g"})  # Docker's 64 MiB would end a leak there


def add(stack: Stack, pool: Pool, limit: str = "256m", leak_mib: float = 1, work: float | None = None, **more: object) -> Service:
    """The service `pool` of the stack, with what it needs beside it. `stack.up()` starts it. Each request keeps `leak_mib` and waits
    `work` seconds, as for a database."""
    image = stack.guest.pools_image
    ports = {} if pool.front or pool.tasks else {"ports": [f"{PORT}:{PORT}"]}
    common = {"image": image, "volumes": [f"{APPS}:{APPS}:ro"], "restart": "unless-stopped"}
    if pool.tasks:
        stack.service("redis", {"image": "testbed/redis", "command": ["--save", "", "--appendonly", "no"]})
        more = {"depends_on": ["redis"]} | more
    if pool.front:
        stack.service("front", common | {"ports": [f"{PORT}:{PORT}"], "depends_on": [NAME]} | pool.front)
    environment = {"LEAK_MIB": str(leak_mib)} | ({} if work is None else {"WORK_SECONDS": str(work)})
    definition = common | {"command": pool.command, "mem_limit": limit, "memswap_limit": limit, "stop_grace_period": "60s",
                           "environment": environment | pool.environment, **ports, **pool.more}
    return stack.service(NAME, definition | more)


class Load:
    """A load that runs in the guest until stop()."""

    def __init__(self, stack: Stack, pool: Pool, name: str = "load", *, path: str = "/leak", clients: int = 4, interval: float = 0.2,
                 seconds: float = 3600):
        self.stack, self.guest, self.pool = stack, stack.guest, pool
        self.out = f"{stack.folder}/{name}.json"
        self._container = f"{stack.project}-{name}"
        if pool.tasks:
            words = ["python3", f"{FOLDER}/celery_load.py", "--run", name, "--interval", str(interval / clients), "--seconds", str(seconds),
                     "--out", self.out, *(["--mib", "0"] if path != "/leak" else [])]
            # celery's own client, in a container: the guest has none. Without a limit, so that no guard takes it for a leak.
            self.guest.docker("run", "-d", "--init", "--name", self._container, "--network", f"{stack.project}_default", "-v",
                              f"{APPS}:{APPS}:ro", "-v", f"{stack.folder}:{stack.folder}", stack.guest.pools_image, *words)
        else:
            words = ["python3", "-I", "-S", f"{FOLDER}/load.py", "--target", f"{address(self.guest)}:{PORT}", "--path", path, "--clients",
                     str(clients), "--interval", str(interval), "--seconds", str(seconds), "--out", self.out]
            self.guest.run(f"setsid {shlex.join(words)} > {self.out}.log 2>&1 < /dev/null & echo $! > {self.out}.pid")

    def counts(self) -> dict:
        """What was counted up to the last second."""
        return json.loads(self.guest.read(self.out) or "{}")

    def wait_answers(self, count: int = 1, timeout: float = 120) -> None:
        until(lambda: self.counts().get("ok", 0) >= count, f"{count} answers of {self.pool.name}", timeout)

    def stop(self, timeout: float = 400) -> dict:
        """Ends it and returns its last report: all that was asked for is answered or counted."""
        if self.pool.tasks:
            self.guest.docker("kill", "-s", "TERM", self._container, check=False)
        else:
            self.guest.run(f"kill -TERM $(cat {self.out}.pid)", check=False)
        until(lambda: self.counts().get("ended"), f"the load's last report; its errors: {self.errors()}", timeout)
        if self.pool.tasks:
            self.guest.docker("rm", "-f", self._container, check=False)
        return self.counts()

    def errors(self) -> str:
        if self.pool.tasks:
            done = self.guest.docker("logs", "--tail", "20", self._container, check=False)
            return done.out + done.err
        return self.guest.read(f"{self.out}.log") or ""


def address(guest: Guest) -> str:
    """An address of the guest's own. Not 127.0.0.1: there a proxy of Docker's accepts connections for a container that does not."""
    found = guest.run("ip -4 -o addr show eth0").out.split()
    if "inet" not in found:
        raise GuestError(f"eth0 of the guest has no address: {' '.join(found)}")
    return found[found.index("inet") + 1].split("/")[0]


def served(stack: Stack, pool: Pool, **load: object) -> Load:
    """Starts the load and waits until the pool answers, so that what its start refused is not counted."""
    if not pool.tasks:
        probe = f"curl -s -o /dev/null -m 5 -f http://{address(stack.guest)}:{PORT}/"
        until(lambda: stack.guest.run(probe, check=False).code == 0, f"{pool.name} to answer", 150, pause=1)
    made = Load(stack, pool, **load)  # type: ignore[arg-type]
    made.wait_answers()
    return made
