# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The peers' own Debian packages, brought into the guest, which has no network of its own."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from testbed import mirror, paths
from testbed.guest import Guest

#: The guest's release (tests/testbed/recipe/guest.sh).
RELEASE = "trixie"
PEERS = ["earlyoom", "nohang", "systemd-oomd", "oomd"]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
#: What `apt-get update` and the downloads may take together.
DOWNLOAD_SECONDS = 300


def install(guest: Guest) -> dict[str, str]:
    """Installs the peers without starting any, and returns their versions."""
    if guest.run("command -v earlyoom", check=False).code != 0:
        folder = _download(guest)
        guest.ssh.put(folder, "/opt/testbed/debs", timeout=180)
        # 101: a package's scripts may start nothing. Documentation is left out as in the guest's own image.
        guest.run("printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; "
                  "DEBIAN_FRONTEND=noninteractive dpkg -i --force-unsafe-io --force-confold /opt/testbed/debs/*.deb "
                  "&& rm /usr/sbin/policy-rc.d", timeout=600)
        # Debian enables them at once; here each has its turn.
        units = " ".join(f"{name}.service" for name in PEERS)
        guest.run(f"systemctl daemon-reload; systemctl disable --now {units} nohang-desktop.service systemd-oomd.socket "
                  "2>/dev/null; true", timeout=400)
    shown = guest.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *PEERS]).out
    return dict(line.split() for line in shown.splitlines())


def _download(guest: Guest) -> Path:
    """What is missing in this very guest, as apt decides it from the guest's own list of packages."""
    status = guest.read("/var/lib/dpkg/status") or ""
    top = paths.cache_root() / "peers"
    for name in ("state/lists/partial", "cache/archives/partial", "etc"):
        (top / name).mkdir(parents=True, exist_ok=True)
    (top / "status").write_text(status)
    (top / "etc" / "sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror.find()} {RELEASE} main\n")
    options = [word for value in (
        f"Dir::State={top}/state", f"Dir::State::status={top}/status", f"Dir::Cache={top}/cache",
        f"Dir::Etc::sourcelist={top}/etc/sources.list", "Dir::Etc::sourceparts=/dev/null", "Dir::Etc::preferences=/dev/null",
        "Dir::Etc::preferencesparts=/dev/null", "APT::Architecture=amd64", "APT::Install-Recommends=false",
        "APT::Sandbox::User=root", "Acquire::Retries=3", "Debug::NoLocking=true") for word in ("-o", value)]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update", "-q"], ["install", "-q", "-y", "--download-only", *PEERS]):
        done = subprocess.run(["apt-get", *options, *words], capture_output=True, text=True, timeout=DOWNLOAD_SECONDS,
                              env=environment, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"apt-get {words[0]} for the peers failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return top / "cache" / "archives"
