/* SPDX-FileCopyrightText: The Governor authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * Sees what is done to a container, from outside it and without polling: witness CGROUP PID
 * Prints one line for each change, "<CLOCK_MONOTONIC ns> <what>": `freeze` (somebody wrote 1 to cgroup.freeze), `frozen`, `thawed`, `exited` (the process PID), `empty` (the
 * last process of the cgroup, which ends it), and `high`, `max`, `oom`, `oom_kill` when such a counter of memory.events moves. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *const counters[] = {"high", "max", "oom", "oom_kill"};
enum { COUNTERS = sizeof counters / sizeof *counters };

static void say(const char *what)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("%lld %s\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec, what);
    fflush(stdout);
}

static int open_in(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* A flat keyed file's value; -1 when the file or the key is gone. */
static long long value(int file, const char *key)
{
    char text[1024];
    const ssize_t size = pread(file, text, sizeof text - 1, 0);
    if (size <= 0)
        return -1;
    text[size] = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        const size_t length = strlen(key);
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return atoll(line + length + 1);
    }
    return -1;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: witness CGROUP PID\n");
        return 2;
    }
    const int events = open_in(argv[1], "cgroup.events"), memory = open_in(argv[1], "memory.events");
    char freeze[4096], wish[2] = "";
    snprintf(freeze, sizeof freeze, "%s/cgroup.freeze", argv[1]);
    const int writes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), wished = open_in(argv[1], "cgroup.freeze");
    if (wished < 0 || inotify_add_watch(writes, freeze, IN_MODIFY) < 0) {
        perror("witness");
        return 1;
    }
    struct pollfd fds[] = {{(int)syscall(SYS_pidfd_open, atoi(argv[2]), 0), POLLIN, 0}, {events, POLLPRI, 0}, {memory, POLLPRI, 0}, {writes, POLLIN, 0}};
    if (fds[0].fd < 0 || events < 0 || memory < 0) {
        perror("witness");
        return 1;
    }
    long long frozen = 0, seen[COUNTERS];
    for (int i = 0; i < COUNTERS; i++)
        seen[i] = value(memory, counters[i]);
    say("watching");
    for (;;) {
        if (poll(fds, 4, -1) < 0)
            return 1;
        char notes[4096];
        /* A task that naps in reclaim stands still from here on, but the kernel calls the cgroup frozen only when the nap ends. */
        if (fds[3].revents && read(writes, notes, sizeof notes) > 0 && pread(wished, wish, 1, 0) == 1 && wish[0] == '1')
            say("freeze");
        const long long now_frozen = value(events, "frozen"), populated = value(events, "populated");
        /* A process leaves its cgroup before its pidfd tells of its end. */
        if (fds[0].revents || (fds[0].fd >= 0 && populated <= 0)) {
            say("exited");
            fds[0].fd = -1;
        }
        if (now_frozen >= 0 && now_frozen != frozen) {
            frozen = now_frozen;
            say(frozen ? "frozen" : "thawed");
        }
        for (int i = 0; i < COUNTERS; i++) {
            const long long count = value(memory, counters[i]);
            if (count > seen[i]) {
                /* Thousands of times in a livelock: the first one tells all. */
                if (seen[i] == 0)
                    say(counters[i]);
                seen[i] = count;
            }
        }
        if (populated <= 0) {
            say("empty");
            return 0;
        }
    }
}
