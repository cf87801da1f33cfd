// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "bench/micro/hot.hpp"
#include "governor/docker/event_lines.hpp"
#include "governor/docker/types.hpp"

#include <memory>
#include <string>

// Docker's events on their way in: every health check of every container is one or two of them.
namespace micro {
namespace {

using namespace governor::docker;

const std::string kLine =
    R"({"status":"exec_start: pg_isready","id":"4f2a91c07be34f2a91c07be34f2a91c07be34f2a91c07be34f2a91c07be34f2a","from":"postgres:16","Type":"container","Action":"exec_start: pg_isready","Actor":{"ID":"4f2a91c07be34f2a91c07be34f2a91c07be34f2a91c07be34f2a91c07be34f2a","Attributes":{"com.docker.compose.config-hash":"c0ffee","com.docker.compose.container-number":"1","com.docker.compose.oneoff":"False","com.docker.compose.project":"jobmate","com.docker.compose.service":"database","execID":"5eed","image":"postgres:16","name":"jobmate-database-1"}},"scope":"local","time":1714558830,"timeNano":1714558830123456789})";

}  // namespace

void add_docker(HotList& list) {
    list.push_back(hot("docker_event_parse", Memory::kMay, [] { keep(parse_event(kLine)); }));
    list.push_back(hot("docker_event_line", Memory::kMay,
                       [splitter = LineSplitter(1U << 20U), bytes = kLine + "\n"]() mutable {
                           splitter.feed(bytes);
                           keep(splitter.next());
                       }));
    list.push_back(hot("docker_event_seen_before", Memory::kMay,
                       [event = *parse_event(kLine), resume = ResumePoint(0)]() mutable {
                           ++event.time_nano;
                           keep(resume.accept(event));
                       }));
}

}  // namespace micro
