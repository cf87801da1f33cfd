// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
//
// As much of the Docker Engine API as the governor asks for, over a unix socket, for containers that do not exist: their
// cgroups and processes were made by crowd.c. So the governor is measured with more containers than a Docker could hold.
//
//   fake_docker SOCKET LIST LIMIT_BYTES
//
// LIST: a line "<id> <pid>" for each. Answers have the size and the labels that Compose's containers have. One connection
// after the other; /events stays open and silent. Ends with SIGTERM.
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct container {
    char id[65];
    int pid;
};
struct text {
    char *at;
    size_t size, room;
};

static struct container *all;
static int count;
static const char *limit;

static void add(struct text *out, const char *format, ...) {
    va_list words;
    va_start(words, format);
    if (out->room - out->size < 16384) out->at = realloc(out->at, out->room = 2 * out->room + 65536);
    out->size += (size_t)vsnprintf(out->at + out->size, out->room - out->size, format, words);
    va_end(words);
}

static void load(const char *path) {
    FILE *in = fopen(path, "r");
    if (!in) exit(1);
    struct container one;
    while (fscanf(in, "%64s %d", one.id, &one.pid) == 2) {
        all = realloc(all, (size_t)(count + 1) * sizeof *all);
        all[count++] = one;
    }
    fclose(in);
}

static void add_labels(struct text *out, int i) {
    add(out, "{\"com.docker.compose.config-hash\":\"%.64s\",\"com.docker.compose.container-number\":\"1\","
        "\"com.docker.compose.depends_on\":\"\",\"com.docker.compose.image\":\"sha256:%.64s\","
        "\"com.docker.compose.oneoff\":\"False\",\"com.docker.compose.project\":\"cost\","
        "\"com.docker.compose.project.config_files\":\"/srv/stacks/cost/compose.yaml\","
        "\"com.docker.compose.project.working_dir\":\"/srv/stacks/cost\","
        "\"com.docker.compose.service\":\"worker-%d\",\"com.docker.compose.version\":\"2.26.1\"}", all[i].id, all[i].id, i);
}

static void add_summary(struct text *out, int i) {
    add(out, "{\"Id\":\"%s\",\"Names\":[\"/cost-worker-%d-1\"],\"Image\":\"registry.example/cost/worker:1.4.2\","
        "\"ImageID\":\"sha256:%s\",\"Command\":\"python3 -m worker --queue default\",\"Created\":1714550000,\"Ports\":[],"
        "\"Labels\":", all[i].id, i, all[i].id);
    add_labels(out, i);
    add(out, ",\"State\":\"running\",\"Status\":\"Up 2 hours\",\"HostConfig\":{\"NetworkMode\":\"cost_default\"},"
        "\"NetworkSettings\":{\"Networks\":{\"cost_default\":{\"IPAMConfig\":null,\"NetworkID\":\"%s\",\"EndpointID\":\"%s\","
        "\"Gateway\":\"172.18.0.1\",\"IPAddress\":\"172.18.%d.%d\",\"IPPrefixLen\":16,\"MacAddress\":\"02:42:ac:12:00:02\"}}},"
        "\"Mounts\":[]}", all[i].id, all[i].id, i / 250 % 250, i % 250 + 2);
}

static void add_details(struct text *out, int i) {
    add(out, "{\"Id\":\"%s\",\"Created\":\"2024-05-01T08:00:00.1Z\",\"Path\":\"python3\",\"Args\":[\"-m\",\"worker\"],"
        "\"State\":{\"Status\":\"running\",\"Running\":true,\"Paused\":false,\"Restarting\":false,\"OOMKilled\":false,"
        "\"Dead\":false,\"Pid\":%d,\"ExitCode\":0,\"Error\":\"\",\"StartedAt\":\"2024-05-01T08:00:01.2Z\","
        "\"FinishedAt\":\"0001-01-01T00:00:00Z\"},\"Name\":\"/cost-worker-%d-1\",\"RestartCount\":0,\"Driver\":\"overlay2\",",
        all[i].id, all[i].pid, i);
    add(out, "\"HostConfig\":{\"Memory\":%s,\"MemorySwap\":%s,\"MemoryReservation\":0,\"CgroupParent\":\"\",\"OomScoreAdj\":0,"
        "\"PidMode\":\"\",\"RestartPolicy\":{\"Name\":\"unless-stopped\",\"MaximumRetryCount\":0},\"Annotations\":null},",
        limit, limit);
    // What else is in there, and is skipped: as long as a real answer.
    add(out, "\"Mounts\":[],\"Padding\":\"%04000d\",\"Config\":{\"Image\":\"registry.example/cost/worker:1.4.2\",\"Labels\":", 0);
    add_labels(out, i);
    add(out, ",\"StopSignal\":\"SIGTERM\",\"StopTimeout\":10},\"NetworkSettings\":{\"Networks\":{\"cost_default\":"
        "{\"IPAddress\":\"172.18.%d.%d\"}}}}", i / 250 % 250, i % 250 + 2);
}

static int find(const char *path) {
    const char *id = strstr(path, "/containers/");
    for (int i = 0; id && i < count; ++i)
        if (strncmp(id + strlen("/containers/"), all[i].id, 64) == 0) return i;
    return -1;
}

static int answer(const char *request, struct text *out) {
    const char *first = strchr(request, ' ');
    const char *path = first ? first + 1 : "";
    int i = find(path);
    if (strstr(path, "/version")) {
        add(out, "{\"Version\":\"26.1.5\",\"ApiVersion\":\"1.45\",\"MinAPIVersion\":\"1.24\",\"KernelVersion\":\"6.12\"}");
    } else if (strstr(path, "/info")) {
        add(out, "{\"ID\":\"fake\",\"Name\":\"cost\",\"CgroupDriver\":\"systemd\",\"CgroupVersion\":\"2\",\"Warnings\":null,"
            "\"SecurityOptions\":[],\"MemTotal\":4110385152}");
    } else if (strstr(path, "/containers/json")) {
        add(out, "[");
        for (int k = 0; k < count; ++k) {
            if (k) add(out, ",");
            add_summary(out, k);
        }
        add(out, "]");
    } else if (strstr(path, "/_ping")) {
        add(out, "OK");
    } else if (i >= 0 && strstr(path, "/update")) {
        add(out, "{\"Warnings\":null}");
    } else if (i >= 0) {
        add_details(out, i);
    } else {
        add(out, "{\"message\":\"not here\"}");
        return 404;
    }
    return 200;
}

static void send_all(int fd, const char *at, size_t size) {
    while (size > 0) {
        ssize_t sent = send(fd, at, size, MSG_NOSIGNAL);
        if (sent <= 0) return;
        at += sent;
        size -= (size_t)sent;
    }
}

static void serve(int fd) {
    static struct text body;
    static char request[16384];
    size_t got = 0;
    for (ssize_t more = 1; more > 0 && got + 1 < sizeof request; got += more > 0 ? (size_t)more : 0) {
        if ((more = recv(fd, request + got, sizeof request - 1 - got, 0)) < 0) more = 0;
        request[got + (size_t)more] = '\0';
        if (strstr(request, "\r\n\r\n")) break;
    }
    if (strstr(request, "/events")) {
        const char *head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        return send_all(fd, head, strlen(head));  // kept open
    }
    char head[160];
    body.size = 0;
    int status = answer(request, &body);
    int length = snprintf(head, sizeof head, "HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                          "Connection: close\r\n\r\n", status, body.size);
    send_all(fd, head, (size_t)length);
    send_all(fd, body.at, body.size);
    close(fd);
}

int main(int argc, char **argv) {
    if (argc != 4) return 2;
    load(argv[2]);
    limit = argv[3];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strncpy(name.sun_path, argv[1], sizeof name.sun_path - 1);
    unlink(argv[1]);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&name, sizeof name) != 0 || listen(listener, 4096) != 0) return 1;
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0) serve(fd);
    }
}
