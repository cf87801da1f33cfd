# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What is done inside the guest before its state is saved. Part of the cache key."""

from __future__ import annotations

from .machine import Machine

# (tag, base, Dockerfile lines): names for the one imported root file system.
SERVICES = [
    ("testbed/postgres", ["ENV PGDATA=/var/lib/postgresql/data", "EXPOSE 5432", "STOPSIGNAL SIGINT",
                          'ENTRYPOINT ["/usr/local/bin/testbed-postgres"]']),
    ("testbed/redis", ["EXPOSE 6379", "USER redis", "WORKDIR /var/lib/redis",
                       'ENTRYPOINT ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no"]']),
    ("testbed/nginx", ["EXPOSE 80", "STOPSIGNAL SIGQUIT", 'CMD ["nginx", "-g", "daemon off;"]']),
]


def import_images(machine: Machine) -> None:
    """The drives /dev/vdb and /dev/vdc are the archives; tar stops at its own end mark."""
    run = machine.ssh.run
    run("timeout 120 sh -c 'until docker info >/dev/null 2>&1; do sleep 1; done'", timeout=130)
    run("docker import --change 'CMD [\"python3\"]' --change 'ENV PYTHONUNBUFFERED=1' - testbed/python < /dev/vdb",
        timeout=400)
    run("docker import --change 'CMD [\"bash\"]' - testbed/governor-base < /dev/vdc", timeout=400)
    for tag, lines in SERVICES:
        dockerfile = "\n".join(["FROM testbed/python", *lines, ""])
        run(f"DOCKER_BUILDKIT=0 docker build -q -t {tag} -", timeout=120, data=dockerfile.encode())
    run("sync; systemctl poweroff", timeout=60, check=False)


def warm_up(machine: Machine) -> None:
    """After the second boot: what every test does first, so that its pages are in memory."""
    run = machine.ssh.run
    run("timeout 120 sh -c 'until docker info >/dev/null 2>&1; do sleep 1; done'", timeout=130)
    # Nothing that still starts belongs into the state.
    run("timeout 120 systemctl is-system-running --wait || systemctl --failed", timeout=130)
    run("docker run --rm --network none testbed/python python3 -c 'import argparse, mmap, signal, threading'",
        timeout=120)
    compose = '{"services": {"a": {"image": "testbed/python", "command": ["true"]}}}'
    run("mkdir -p /tmp/warm && cd /tmp/warm && cat > compose.yaml && docker compose --progress quiet up -d"
        " && docker compose --progress quiet down -t 0 && rm -rf /tmp/warm", timeout=180, data=compose.encode())
    run("docker images; sync", timeout=60)
