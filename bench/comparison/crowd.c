// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
//
// Many plain cgroups that look like Docker's, each with one process of its own, for measuring what watching them costs.
//
//   crowd PARENT COUNT LIMIT_BYTES BUSY CHURNING LIST
//
// Makes PARENT/docker-<64 hex digits>.scope COUNT times with memory.max set, forks one process into each, writes a line
// "<id> <pid>" for each to LIST (by renaming: it is whole when it is there), and waits. SIGUSR1: BUSY of them, spread over
// all, begin to take and give back anonymous memory up to 60 % of their limit, and CHURNING others fill theirs with page
// cache. SIGUSR2: all are idle again. SIGTERM: everything is killed and removed.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { MARK = 256, STEPS = 8 };

static int *phase;  // shared: 0 idle, 1 busy
static size_t limit;

static void fail(const char *what, const char *on) {
    fprintf(stderr, "crowd: cannot %s %s: %s\n", what, on, strerror(errno));
    exit(1);
}

static void nap(long ms) {
    struct timespec span = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&span, NULL);
}

static void name_of(char *out, size_t size, const char *parent, int i) {
    // The first digits differ, as with Docker's ids.
    snprintf(out, size, "%s/docker-%08x%056x.scope", parent, (unsigned)i * 2654435761U, i);
}

static void put(const char *folder, const char *file, const char *text) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    int fd = open(path, O_WRONLY);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) fail("write", path);
    close(fd);
}

// Up to 60 % of the limit in steps over 8 seconds, then all of it given back.
static void breathe(void) {
    size_t step = limit * 6 / 10 / STEPS;
    char *taken[STEPS];
    for (int i = 0; i < STEPS; ++i) {
        taken[i] = mmap(NULL, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (taken[i] != MAP_FAILED) memset(taken[i], i + 1, step);
        nap(1000);
    }
    for (int i = 0; i < STEPS; ++i)
        if (taken[i] != MAP_FAILED) munmap(taken[i], step);
    nap(2000);
}

// A file of twice the limit, read through: a sparse one, so that the page cache is filled without a disk.
static void churn(int i) {
    char path[64];
    static char buffer[65536];
    snprintf(path, sizeof path, "/var/tmp/crowd-%d", i);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)(2 * limit)) != 0) return nap(1000);
    for (ssize_t got = 1, pieces = 0; got > 0; ++pieces) {
        got = read(fd, buffer, sizeof buffer);
        if (pieces % 16 == 0) nap(250);
    }
    close(fd);
    unlink(path);
}

static void live(int i, int busy, int churning) {
    while (1) {
        while (__atomic_load_n(phase, __ATOMIC_ACQUIRE) == 0 || !(busy || churning))
            syscall(SYS_futex, phase, FUTEX_WAIT, busy || churning ? 0 : *phase, NULL, NULL, 0);
        if (busy) breathe();
        if (churning) churn(i);
    }
}

static int spread(int i, int count, int some) {
    return some > 0 && i % (count / some > 0 ? count / some : 1) == 0 && i / (count / some > 0 ? count / some : 1) < some;
}

static int put_into(const char *folder, int i, int busy, int churning) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct clone_args how = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)fd};
    long pid = syscall(SYS_clone3, &how, sizeof how);
    if (pid < 0) fail("start a process in", folder);
    if (pid == 0) {
        signal(SIGTERM, SIG_DFL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        live(i, busy, churning);
    }
    close(fd);
    return (int)pid;
}

static void make_all(const char *parent, int count, int busy, int churning, const char *list) {
    char path[512], text[32];
    snprintf(path, sizeof path, "%s.part", list);
    FILE *out = fopen(path, "w");
    if (!out) fail("write", path);
    snprintf(text, sizeof text, "%zu", limit);
    for (int i = 0; i < count; ++i) {
        char folder[MARK];
        name_of(folder, sizeof folder, parent, i);
        if (mkdir(folder, 0755) != 0) fail("make", folder);
        put(folder, "memory.max", text);
        put(folder, "memory.swap.max", "0");
        // Beside each other, not in the same one.
        int churns = count > 1 && spread(i - 1, count, churning) && i > 0;
        int pid = put_into(folder, i, spread(i, count, busy) && !churns, churns);
        fprintf(out, "%.64s %d\n", strrchr(folder, '/') + strlen("/docker-"), pid);
    }
    if (fclose(out) != 0 || rename(path, list) != 0) fail("write", list);
}

static void remove_all(const char *parent, int count) {
    char folder[MARK];
    for (int i = 0; i < count; ++i) {
        name_of(folder, sizeof folder, parent, i);
        put(folder, "cgroup.kill", "1");
    }
    for (int i = 0; i < count; ++i) {
        name_of(folder, sizeof folder, parent, i);
        for (int tries = 0; rmdir(folder) != 0 && errno == EBUSY && tries < 500; ++tries) nap(10);
    }
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: crowd PARENT COUNT LIMIT_BYTES BUSY CHURNING LIST\n");
        return 2;
    }
    int count = atoi(argv[2]);
    limit = strtoull(argv[3], NULL, 10);
    phase = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sigset_t told;
    sigemptyset(&told);
    sigaddset(&told, SIGUSR1);
    sigaddset(&told, SIGUSR2);
    sigaddset(&told, SIGTERM);
    sigprocmask(SIG_BLOCK, &told, NULL);
    signal(SIGCHLD, SIG_IGN);  // no zombies
    make_all(argv[1], count, atoi(argv[4]), atoi(argv[5]), argv[6]);
    for (int signal = 0; sigwait(&told, &signal) == 0 && signal != SIGTERM;) {
        __atomic_store_n(phase, signal == SIGUSR1, __ATOMIC_RELEASE);
        syscall(SYS_futex, phase, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
    }
    remove_all(argv[1], count);
    unlink(argv[6]);
    return 0;
}
