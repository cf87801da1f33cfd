// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/journald.hpp"

#include "governor/publish/render.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace governor::publish {
namespace {

/// syslog's.
constexpr const char* kError = "3";
constexpr const char* kWarning = "4";
constexpr const char* kInformation = "6";

/// As Docker's log driver shortens it.
constexpr std::size_t kShortId = 12;

/// What somebody must act on, and what somebody should look at: as docs/events.md says.
const char* priority_of(const Record& record) {
    constexpr std::array<std::string_view, 5> kBad{"breaker_opened", "cap_frozen", "oom_killed", "held",
                                                   "drift_storm"};
    constexpr std::array<std::string_view, 11> kNotable{
        "recycle_failed",  "action_failed",       "brake_lost",           "killed",
        "docker_slow",     "docker_disconnected", "host_short",           "protection_short",
        "restart_delayed", "log_lines_lost",      "events_client_dropped"};
    if (std::ranges::find(kBad, record.type) != kBad.end()) return kError;
    if (std::ranges::find(kNotable, record.type) != kNotable.end()) return kWarning;
    const bool lost_work = record.type == "restart_finished" && record.event &&
                           record.event->outcome != policies::Outcome::kGraceful;
    return lost_work ? kWarning : kInformation;
}

/// A value with a line's end needs its length before it: 64 bits, little endian.
void put(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out += name;
    if (value.find('\n') == std::string_view::npos) {
        out.append("=").append(value).append("\n");
        return;
    }
    out += '\n';
    constexpr unsigned kByte = 8;
    for (std::uint64_t rest = value.size(), i = 0; i < sizeof rest; ++i, rest >>= kByte)
        out += static_cast<char>(rest & 0xFFU);
    out.append(value).append("\n");
}

std::string text_of(const nlohmann::json& value) {
    if (value.is_string()) return value.get<std::string>();
    return value.is_object() ? value.value("text", "") : value.dump();
}

}  // namespace

bool is_journal_stream(int fd, const char* journal_stream) {
    struct stat found {};
    if (journal_stream == nullptr || ::fstat(fd, &found) != 0) return false;
    return std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino) == journal_stream;
}

std::string journal_entry(const Record& record, std::string_view message) {
    std::string out;
    put(out, "MESSAGE", message);
    put(out, "PRIORITY", priority_of(record));
    put(out, "SYSLOG_IDENTIFIER", "governor");
    put(out, "GOVERNOR_TYPE", record.type);
    put(out, "GOVERNOR_EVENT_ID", std::to_string(record.sequence));
    const Subject& subject = *record.subject;
    put(out, "GOVERNOR_SERVICE", subject.service);
    put(out, "GOVERNOR_PROJECT", subject.project);
    put(out, "GOVERNOR_POLICY", subject.policy);
    put(out, "CONTAINER_ID", subject.id.str().substr(0, kShortId));
    put(out, "CONTAINER_ID_FULL", subject.id.str());
    put(out, "CONTAINER_NAME", subject.name);
    put(out, "IMAGE_NAME", subject.image);
    put(out, "GOVERNOR_DETAIL", record.detail);
    if (!record.event) return out;
    if (record.event->outcome != policies::Outcome::kNone)
        put(out, "GOVERNOR_OUTCOME", to_string(record.event->outcome));
    const nlohmann::json told = to_json(record);
    const auto reason = told.find("reason");
    if (reason == told.end()) return out;
    for (const auto& [key, name] : {std::pair("rule", "GOVERNOR_RULE"),
                                    {"measured", "GOVERNOR_MEASURED"},
                                    {"threshold", "GOVERNOR_THRESHOLD"}})
        if (reason->contains(key)) put(out, name, text_of(reason->at(key)));
    return out;
}

Journal::Journal(std::string path)
    : path_(std::move(path)), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    // poll() does not see that the other side's queue is full; a limit on the wait in sendto() does.
    constexpr timeval kWait{0, 100'000};
    if (fd_) ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &kWait, sizeof kWait);
}

bool Journal::send(std::string_view entry) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!fd_ || path_.size() >= sizeof address.sun_path) return false;
    path_.copy(address.sun_path, path_.size());
    // By its name each time: a journal that was restarted has another socket there.
    const auto sent = ::sendto(fd_.get(), entry.data(), entry.size(), MSG_NOSIGNAL,
                               reinterpret_cast<const sockaddr*>(&address), sizeof address);
    return sent >= 0;
}

}  // namespace governor::publish
