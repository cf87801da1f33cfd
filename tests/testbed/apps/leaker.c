/* SPDX-FileCopyrightText: The Governor authors
 * SPDX-License-Identifier: Apache-2.0
 *
 * A worker that leaks memory on purpose; same options as leaker.py, whose --help explains them, and one more:
 * --trace keeps the last (CLOCK_MONOTONIC ns, own memory.current) pairs of worker 0 in OUT/BORN.map, a ring which a SIGKILL
 * leaves as it is and the next life does not touch, and saves them as text in OUT/BORN.trace.
 * Sizes are MiB and rates MiB/s of the whole container: they are divided between its workers. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB (1u << 20)
#define STEP (256u << 10)
#define PAGE 4096u
#define SLOTS 16
#define TRACE 4096

/* One slot of the heartbeat file per worker; leaker.py writes the same layout. */
struct heartbeat {
    uint64_t now_ns, bytes, signal_ns, saved_ns;
};

static struct {
    double rate, base, stop_at, start_after;
    const char *save_when, *shape, *handler, *out, *heartbeat;
    int workers, trace;
} opt = {.rate = 10, .start_after = 3, .stop_at = -1, .shape = "single", .handler = "save", .out = "/out"};

static volatile sig_atomic_t terminate;
static volatile uint64_t signal_ns;
static struct heartbeat *beats;
static uint64_t born_ns;
static uint64_t (*trace)[2], traced;
static int own_memory = -1; /* memory.current of the container, as its own cgroup namespace shows it */

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void on_term(int sig)
{
    (void)sig;
    if (!terminate)
        signal_ns = clock_ns(CLOCK_MONOTONIC);
    terminate = 1;
}

static void install_handler(void)
{
    struct sigaction action = {0};
    if (strcmp(opt.handler, "default") == 0)
        return;
    action.sa_handler = strcmp(opt.handler, "ignore") == 0 ? SIG_IGN : on_term;
    sigaction(SIGTERM, &action, NULL);
}

static void pause_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    nanosleep(&t, NULL); /* a signal ends it early, which is what we want */
}

/* Really takes memory: every page gets something else than zero. */
static void take(size_t bytes)
{
    volatile unsigned char *block = malloc(bytes);
    if (!block) {
        fprintf(stderr, "leaker: malloc failed\n");
        _exit(3);
    }
    for (size_t at = 0; at < bytes; at += PAGE)
        block[at] = (unsigned char)(at / PAGE % 255 + 1);
}

static void note(void)
{
    char text[32] = "";
    if (pread(own_memory, text, sizeof text - 1, 0) <= 0)
        return;
    trace[traced % TRACE][0] = clock_ns(CLOCK_MONOTONIC);
    trace[traced++ % TRACE][1] = strtoull(text, NULL, 10);
}

static void beat(int slot, uint64_t bytes)
{
    if (opt.trace && slot == 0)
        note();
    if (!beats)
        return;
    beats[slot].bytes = bytes;
    beats[slot].now_ns = clock_ns(CLOCK_MONOTONIC);
}

/* Grows until told to stop. The rate is of wall time: what a stall delayed is caught up. */
static void leak(int slot)
{
    const double rate = opt.rate * MIB / opt.workers;
    const uint64_t base = (uint64_t)(opt.base * MIB / opt.workers);
    const uint64_t stop = opt.stop_at < 0 ? UINT64_MAX : (uint64_t)(opt.stop_at * MIB / opt.workers);
    uint64_t taken = 0;

    for (; taken < base && !terminate; taken += STEP)
        take(STEP);
    beat(slot, taken);
    const uint64_t from = clock_ns(CLOCK_MONOTONIC) + (uint64_t)(opt.start_after * 1e9);
    while (!terminate) {
        const uint64_t now = clock_ns(CLOCK_MONOTONIC);
        const double due = now < from ? 0 : rate * (double)(now - from) / 1e9;
        const int unthrottled = opt.rate == 0 && now >= from;
        if (taken + STEP <= stop && (unthrottled || (double)(taken - base + STEP) <= due)) {
            take(STEP);
            taken += STEP;
        } else {
            pause_ms(5);
        }
        beat(slot, taken);
    }
}

static void save_trace(void)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%llu.trace", opt.out, (unsigned long long)born_ns);
    FILE *file = fopen(path, "w");
    if (!file)
        return;
    for (uint64_t i = traced > TRACE ? traced - TRACE : 0; i < traced; i++)
        fprintf(file, "%llu %llu\n", (unsigned long long)trace[i % TRACE][0], (unsigned long long)trace[i % TRACE][1]);
    fclose(file);
}

/* What an application does with its last seconds: needs some memory, writes, makes it durable. */
static int save(int slot)
{
    static const char ending[] = "\nSAVED COMPLETELY\n";
    char host[65] = "", path[512];
    if (beats)
        beats[slot].signal_ns = signal_ns;
    while (opt.save_when && access(opt.save_when, F_OK) != 0)
        pause_ms(50);
    take(8 * MIB);
    gethostname(host, sizeof host - 1);
    snprintf(path, sizeof path, "%s/%s-%d-%llu.saved", opt.out, host, getpid(), (unsigned long long)born_ns);
    char *data = malloc(MIB);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (!data || file < 0) {
        fprintf(stderr, "leaker: %s: %s\n", path, strerror(errno));
        return 1;
    }
    memset(data, 'x', MIB);
    memcpy(data + MIB - strlen(ending), ending, strlen(ending));
    if (write(file, data, MIB) != MIB || fsync(file) != 0 || close(file) != 0) {
        fprintf(stderr, "leaker: writing %s: %s\n", path, strerror(errno));
        return 1;
    }
    if (beats)
        beats[slot].saved_ns = clock_ns(CLOCK_MONOTONIC);
    if (opt.trace && slot == 0)
        save_trace();
    return 0;
}

static void *thread_main(void *slot)
{
    leak((int)(intptr_t)slot);
    return NULL;
}

static int run_threads(void)
{
    pthread_t threads[SLOTS];
    for (int i = 0; i < opt.workers; i++)
        if (pthread_create(&threads[i], NULL, thread_main, (void *)(intptr_t)i) != 0)
            return 1;
    for (int i = 0; i < opt.workers; i++)
        pthread_join(threads[i], NULL);
    return save(0);
}

/* PID 1 of several workers: passes the stop on, and is content only if all of them were. */
static int run_processes(const sigset_t *term)
{
    pid_t children[SLOTS];
    int bad = 0, forwarded = 0, left = opt.workers;

    for (int i = 0; i < opt.workers; i++) {
        children[i] = fork();
        if (children[i] < 0)
            return 1;
        if (children[i] == 0) {
            born_ns = clock_ns(CLOCK_REALTIME);
            sigprocmask(SIG_UNBLOCK, term, NULL);
            leak(i);
            exit(save(i));
        }
    }
    sigprocmask(SIG_UNBLOCK, term, NULL);
    while (left > 0) {
        int status;
        pid_t gone = waitpid(-1, &status, WNOHANG);
        if (gone > 0) {
            left--;
            bad |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
            fprintf(stderr, "leaker: child %d ended with status 0x%x\n", gone, status);
            for (int i = 0; i < opt.workers; i++)
                if (children[i] == gone)
                    children[i] = 0;
            continue;
        }
        if (terminate && !forwarded) {
            forwarded = 1;
            for (int i = 0; i < opt.workers; i++)
                if (children[i])
                    kill(children[i], SIGTERM);
        }
        pause_ms(10);
    }
    return bad;
}

static void map_heartbeat(void)
{
    int file = open(opt.heartbeat, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || ftruncate(file, sizeof(struct heartbeat) * SLOTS) != 0) {
        perror(opt.heartbeat);
        exit(2);
    }
    beats = mmap(NULL, sizeof(struct heartbeat) * SLOTS, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (beats == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    close(file);
}

static void map_trace(void)
{
    char path[512];
    const size_t size = TRACE * sizeof *trace;
    snprintf(path, sizeof path, "%s/%llu.map", opt.out, (unsigned long long)born_ns);
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (file < 0 || ftruncate(file, (off_t)size) != 0) {
        perror(path);
        exit(2);
    }
    trace = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (trace == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    close(file);
    memset(trace, 0, size); /* no page of it may be new memory later */
    own_memory = open("/sys/fs/cgroup/memory.current", O_RDONLY | O_CLOEXEC);
}

static void parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"rate", 1, 0, 'r'}, {"shape", 1, 0, 's'}, {"handler", 1, 0, 'h'}, {"base", 1, 0, 'b'},
        {"start-after", 1, 0, 'a'}, {"stop-at", 1, 0, 'S'}, {"heartbeat", 1, 0, 'H'}, {"out", 1, 0, 'o'},
        {"save-when", 1, 0, 'w'}, {"trace", 0, 0, 't'}, {0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'r': opt.rate = atof(optarg); break;
        case 's': opt.shape = optarg; break;
        case 'h': opt.handler = optarg; break;
        case 'b': opt.base = atof(optarg); break;
        case 'a': opt.start_after = atof(optarg); break;
        case 'S': opt.stop_at = atof(optarg); break;
        case 'H': opt.heartbeat = optarg; break;
        case 'w': opt.save_when = optarg; break;
        case 'o': opt.out = optarg; break;
        case 't': opt.trace = 1; break;
        default: exit(2);
        }
    }
    opt.workers = strcmp(opt.shape, "procs4") == 0 ? 4 : strcmp(opt.shape, "threads8") == 0 ? 8 : 1;
}

int main(int argc, char **argv)
{
    sigset_t term;
    born_ns = clock_ns(CLOCK_REALTIME);
    parse(argc, argv);
    if (opt.heartbeat)
        map_heartbeat();
    if (opt.trace)
        map_trace();
    install_handler();
    if (opt.workers == 4) {
        /* Blocked until each process is ready: a stop during the forks must not get lost. */
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        sigprocmask(SIG_BLOCK, &term, NULL);
        return run_processes(&term);
    }
    if (opt.workers > 1)
        return run_threads();
    leak(0);
    return save(0);
}
