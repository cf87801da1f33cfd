# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""Runs on the Docker host: a line of JSON per look at a container's cgroup. Usage: sampler.py SLICE CGROUP SECONDS

Reads the kernel's own files, so that what the demo shows does not depend on what the governor says.
"""

import json
import sys
import time


def read(path):
    """A cgroup that is gone is a normal outcome: between two runs of the container there is none."""
    try:
        with open(path) as file:
            return file.read()
    except OSError:
        return None


def pairs(text):
    return {key: int(value) for key, value in (line.split() for line in (text or "").splitlines())}


def number(text):
    text = (text or "max").strip()
    return None if text == "max" else int(text)


def look(slice_, cgroup):
    told = {"t": time.monotonic_ns(), "oom_kill": pairs(read(slice_ + "/memory.events")).get("oom_kill")}
    current, stat = read(cgroup + "/memory.current"), pairs(read(cgroup + "/memory.stat"))
    if current is None or not stat:
        return told
    # As the governor counts: what reclaim cannot give back on a host without swap.
    kept = stat["anon"] + stat["shmem"] + stat.get("kernel", 0) - stat.get("slab_reclaimable", 0)
    told.update(current=int(current), unreclaimable=min(kept, int(current)),
                high=number(read(cgroup + "/memory.high")), hard=number(read(cgroup + "/memory.max")),
                frozen=pairs(read(cgroup + "/cgroup.events")).get("frozen", 0))
    return told


def main():
    slice_, cgroup, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])
    while True:
        print(json.dumps(look(slice_, cgroup)), flush=True)
        if pause <= 0:
            return
        time.sleep(pause)


main()
