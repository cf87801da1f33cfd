# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The demo's AI coach: analyses profiles, and leaks. On SIGTERM it saves its work.

Redis hands out the profiles' numbers. Work that is lost would be a gap between the numbers in the saved files.
"""

import collections
import hashlib
import json
import os
import random
import signal
import socket
import sys
import time

MIB = 1 << 20
WORK = "/saves"
SKILLS = ["python", "go", "sql", "kubernetes", "statistics", "writing", "sales", "design", "security", "linux"]


class Redis:
    """The two commands that are needed, in Redis' own protocol."""

    def __init__(self, host, patience=60):
        until = time.monotonic() + patience
        while True:
            try:
                self._file = socket.create_connection((host, 6379), timeout=60).makefile("rwb")
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)

    def increment(self, key):
        self._file.write(f"INCR {key}\r\n".encode())
        self._file.flush()
        answer = self._file.readline()
        if not answer.startswith(b":"):
            raise OSError(f"redis answered {answer!r}")
        return int(answer[1:])


class Coach:
    def __init__(self, redis, rate):
        self.redis = redis
        self.rate = rate * MIB
        self.stop = False
        self.results = []
        self.parsed = []  # the leak: every parsed document is kept, and nobody ever looks at it again
        signal.signal(signal.SIGTERM, self.on_term)
        signal.signal(signal.SIGUSR1, lambda *_: print("coach: asked to use less memory; there is no cache to shed"))

    def on_term(self, *_):
        self.stop = True

    def analyse(self, number):
        dice = random.Random(number)
        words = dice.choices(SKILLS, k=200)
        self.parsed.append(b"\x5a" * MIB)  # not zeros: those would never be touched
        vector = hashlib.shake_256(" ".join(words).encode()).hexdigest(1024)
        return {"profile": number, "skills": collections.Counter(words).most_common(3), "vector": vector}

    def run(self):
        time.sleep(1)  # "loads its model"
        begin = time.monotonic()
        while not self.stop:
            if len(self.parsed) * MIB <= self.rate * (time.monotonic() - begin):
                # A profile that was taken is finished, whatever comes meanwhile.
                self.results.append(self.analyse(self.redis.increment("next-profile")))
            else:
                time.sleep(0.01)
        return self.save()

    def save(self):
        """The results, then a line with their checksum: under its final name only when it is whole and on disk."""
        begin = time.monotonic()
        body = json.dumps(self.results).encode()
        path = f"{WORK}/save-{self.redis.increment('next-save'):04}.json"
        with open(path + ".part", "wb") as file:
            file.write(body + b"\nsha256:" + hashlib.sha256(body).hexdigest().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.rename(path + ".part", path)
        print(f"coach: saved {len(self.results)} profiles to {path} in {time.monotonic() - begin:.2f} s")
        return 0


if __name__ == "__main__":
    sys.exit(Coach(Redis("redis"), float(os.environ.get("LEAK_MIB_PER_S", "20"))).run())
