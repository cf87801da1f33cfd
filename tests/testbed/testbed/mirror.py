# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Finds the Debian mirror of this machine, so that the recipe names none itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

APT = Path("/etc/apt")


def _codename() -> str:
    match = re.search(r"^VERSION_CODENAME=(\S+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    if not match:
        raise RuntimeError("this machine's release has no code name: not Debian?")
    return match.group(1)


def _from_apt(codename: str) -> str | None:
    done = subprocess.run(["apt-get", "indextargets", "--format", "$(ORIGIN)|$(CODENAME)|$(REPO_URI)"],
                          capture_output=True, text=True, timeout=30, check=False)
    for line in done.stdout.splitlines():
        origin, release, uri = line.split("|", 2)
        if origin == "Debian" and release == codename:
            return uri.rstrip("/")
    return None


def _from_files(codename: str) -> str | None:
    """For a machine whose package lists were never fetched: apt then knows no origins yet."""
    for file in sorted((APT / "sources.list.d").glob("*.sources")):
        for stanza in re.split(r"\n\s*\n", file.read_text()):
            fields = dict(re.findall(r"^([A-Za-z-]+):[ \t]*(.*)$", stanza, re.MULTILINE))
            if codename in fields.get("Suites", "").split() and "deb" in fields.get("Types", "").split():
                return fields["URIs"].split()[0].rstrip("/")
    lists = [APT / "sources.list", *sorted((APT / "sources.list.d").glob("*.list"))]
    for file in (f for f in lists if f.exists()):
        match = re.search(rf"^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+{codename}\s", file.read_text(), re.MULTILINE)
        if match:
            return match.group(1).rstrip("/")
    return None


def find() -> str:
    codename = _codename()
    found = _from_apt(codename) or _from_files(codename)
    if not found:
        raise RuntimeError(f"no Debian mirror for {codename} in this machine's apt sources")
    return found
