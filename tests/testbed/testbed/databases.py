# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL and a real Redis in a stack, filled and warm, with pgbench and redis-benchmark as their clients."""

from __future__ import annotations

import csv
import shlex
import statistics
from dataclasses import dataclass

from .guest import Guest
from .ssh import Result
from .stack import Service, Stack
from .wait import until

MIB = 1 << 20
#: pgbench's scale: 100,000 rows of `pgbench_accounts` each, with their index about 15 MiB.
SCALE = 10
SHARED_BUFFERS = 64 * MIB
REDIS_KEYS = 40_000
#: Where the filled data directory of a VM is kept: making one costs a minute under emulation, a copy seconds.
GOLDEN = "/srv/golden"
DATA = "/var/lib/postgresql/data"
#: The measuring side must not become the kernel's victim, nor the proof that a database is one.
CLIENT = "db-client"
CLIENT_OOM_SCORE_ADJ = -950


@dataclass(frozen=True)
class Footprint:
    """What a database's cgroup holds now, and what it had to fetch again since it was made."""

    held: int  # bytes of file and anon; shared memory is part of file
    major_faults: int
    refaults: int

    @classmethod
    def of(cls, service: Service) -> "Footprint":
        stat = service.counters("memory.stat")
        assert stat, f"{service.name} has no cgroup: it does not run"
        return cls(stat["file"] + stat["anon"], stat["pgmajfault"],
                   stat["workingset_refault_file"] + stat["workingset_refault_anon"])


@dataclass(frozen=True)
class Load:
    """What a client measured. Milliseconds of the guest's clock: good for ratios, not for themselves."""

    tps: float
    p50: float
    p99: float
    transactions: int

    @classmethod
    def of(cls, latencies: list[float], seconds: float) -> "Load":
        if len(latencies) < 2:
            return cls(len(latencies) / seconds, seconds * 1e3, seconds * 1e3, len(latencies))
        cut = statistics.quantiles(latencies, n=100, method="inclusive")
        return cls(len(latencies) / seconds, cut[49], cut[98], len(latencies))


class Databases:
    """PostgreSQL with a pgbench database, and Redis with some keys, as two services of `stack`."""

    def __init__(self, stack: Stack, scale: int = SCALE, **more: object):
        self.stack, self.guest, self.scale = stack, stack.guest, scale
        self.data = f"{stack.folder}/pgdata"
        self.postgres = stack.postgres(command=["-c", f"shared_buffers={SHARED_BUFFERS >> 20}MB"],
                                       shm_size=str(2 * SHARED_BUFFERS), volumes=[f"{self.data}:{DATA}"],
                                       stop_signal="SIGINT", **more)
        # Without snapshots: a fork that copies on write is another story than the one told here.
        self.redis = stack.redis(command=["--save", "", "--appendonly", "no"], **more)
        self.client = stack.service(CLIENT, {"image": "testbed/postgres", "entrypoint": ["sleep", "infinity"], "init": True,
                                             "oom_score_adj": CLIENT_OOM_SCORE_ADJ, "stop_grace_period": "1s"})

    @property
    def services(self) -> list[Service]:
        return [self.postgres, self.redis]

    # -- start -----------------------------------------------------------------------------------
    def start(self) -> "Databases":
        """Both answer; call warm() when the host is as it should be for what follows."""
        self.guest.run("sysctl -q vm.overcommit_memory=1")  # as Redis asks for at its start
        self.guest.run(f"mkdir -p {self.stack.folder} && cp -a {golden_data(self.guest, self.scale)} {self.data}", timeout=120)
        self.stack.up(self.postgres.name, self.redis.name, CLIENT)
        self._client_pid = self.client.pid
        return self.wait_ready()

    def wait_ready(self, timeout: float = 120) -> "Databases":
        until(lambda: self._psql("select 1", check=False).out.strip() == "1", "PostgreSQL to answer", timeout)
        until(lambda: self._redis("ping", check=False).out.strip() == "PONG", "Redis to answer", timeout)
        return self

    def warm(self) -> "Databases":
        """All of both data sets in memory, and charged to the containers that run now."""
        # What is cached already belongs to the cgroup that read it first, which may be gone.
        self.guest.run("sync; echo 3 > /proc/sys/vm/drop_caches")
        self._psql("select pg_prewarm(name, 'read') from unnest(array['pgbench_accounts', 'pgbench_accounts_pkey']) name", 180)
        if self._redis("dbsize").out.strip() != str(REDIS_KEYS):
            # Each key once: a random choice would leave some out.
            self._redis(f"eval \"for i = 1, {REDIS_KEYS} do redis.call('set', string.format('key:%012d', i - 1), "
                        "string.rep('x', 1000)) end\" 0", timeout=120)
        return self

    # -- clients ---------------------------------------------------------------------------------
    def answers(self) -> bool:
        """Both still have what was put into them."""
        rows = self._psql("select count(*) from pgbench_branches", check=False).out.strip()
        keys = self._redis("dbsize", check=False).out.strip()
        return (rows, keys) == (str(self.scale), str(REDIS_KEYS))

    def pgbench(self, seconds: int, seed: int = 1, rate: float = 0) -> Load:
        """Nine look-ups for each small update, two clients, always the same choice of rows for a seed. With a rate so many
        transactions a second are asked for, at random moments, and a latency counts from the moment that was meant; without
        one the next comes as soon as the last was answered, which measures the CPU that is left."""
        log = "/tmp/pgbench"
        paced = f"--rate={rate:.2f} " if rate else ""
        done = self._run(
            f"rm -f {log}.* && pgbench -h {self.postgres.name} -U postgres -n -b select-only@9 -b simple-update@1 -c 2 -j 1 "
            f"{paced}-T {seconds} --random-seed={seed} -l --log-prefix={log} postgres >&2 && cat {log}.*", timeout=seconds + 180)
        # client, transaction, microseconds, script, epoch, its microseconds
        return Load.of([int(line.split()[2]) / 1e3 for line in done.out.splitlines()], seconds)

    def redis_benchmark(self, requests: int = 5000) -> Load:
        """GETs by four clients. Redis' own p50 and p99; it offers no limit in time."""
        done = self._run(f"redis-benchmark -h {self.redis.name} -t get -c 4 -n {requests} -r {REDIS_KEYS} --csv", timeout=300)
        row = list(csv.DictReader(line for line in done.out.splitlines() if line.startswith('"')))[-1]
        return Load(float(row["rps"]), float(row["p50_latency_ms"]), float(row["p99_latency_ms"]), requests)

    def _psql(self, statement: str, timeout: float = 60, check: bool = True) -> Result:
        return self._run(f"psql -h {self.postgres.name} -U postgres -qAt -c {shlex.quote(statement)}", timeout, check)

    def _redis(self, words: str, timeout: float = 60, check: bool = True) -> Result:
        return self._run(f"redis-cli -h {self.redis.name} {words}", timeout, check)

    def _run(self, command: str, timeout: float = 60, check: bool = True) -> Result:
        """In the client's file system and network, without `docker exec`, which costs seconds under emulation."""
        entered = f"choom -n {CLIENT_OOM_SCORE_ADJ} -- nsenter -t {self._client_pid} -m -n -- sh -c {shlex.quote(command)}"
        return self.guest.run(entered, timeout, check)


def golden_data(guest: Guest, scale: int) -> str:
    """A data directory with pgbench's tables, made once per VM."""
    folder = f"{GOLDEN}/pgdata-{scale}"
    if guest.run(f"test -e {folder}", check=False).code == 0:
        return folder
    # Made under another name first: half of it must not be taken for all of it.
    part, name = f"{folder}.part", "golden-postgres"
    guest.run(f"rm -rf {part}; mkdir -p {part}")
    guest.docker("run", "-d", "--name", name, "-v", f"{part}:{DATA}", "--network", "none", "testbed/postgres")
    try:
        # initdb's own server listens on the socket only: over TCP it is the one that stays.
        ready = ["docker", "exec", name, "pg_isready", "-q", "-h", "127.0.0.1"]
        until(lambda: guest.run(ready, check=False).code == 0, "PostgreSQL to be made", 240, pause=1)
        guest.docker("exec", name, "pgbench", "-h", "127.0.0.1", "-U", "postgres", "-i", "-q", "-s", str(scale), "postgres",
                     timeout=400)
        guest.docker("exec", name, "psql", "-h", "127.0.0.1", "-U", "postgres", "-q", "-c", "create extension pg_prewarm",
                     "-c", "checkpoint", timeout=120)
        guest.docker("stop", "-t", "60", name, timeout=120)
    finally:
        guest.docker("rm", "-f", name, check=False)
    guest.run(f"mv {part} {folder}")
    return folder
