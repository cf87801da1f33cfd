// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/history.hpp"

#include "cgroup/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace governor {
namespace {

using nlohmann::json;

std::int64_t nanoseconds(policies::TimePoint at) {
    return at.time_since_epoch().count();
}
policies::TimePoint time_point(std::int64_t ns) {
    return policies::TimePoint(policies::Duration(ns));
}

/// Empty when it was written.
std::string write_whole(const std::string& folder, const std::string& text) {
    std::error_code code;
    std::filesystem::create_directories(folder, code);
    const std::string path = folder + "/history.json";
    const std::string part = path + ".new";
    const cgroups::UniqueFd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
    if (!fd) return "cannot write " + part + ": " + std::strerror(errno);
    if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(fd.get()) != 0)
        return "cannot write " + part + ": " + std::strerror(errno);
    if (::rename(part.c_str(), path.c_str()) != 0)
        return "cannot rename " + part + ": " + std::strerror(errno);
    return {};
}

}  // namespace

History history_of(const policies::State& state) {
    History out;
    out.restarts = state.restarts;
    out.backoff_steps = state.backoff_steps;
    out.last_restart = state.last_restart;
    out.quarantined = state.quarantined;
    return out;
}

void restore(policies::State& state, const History& history) {
    state.restarts = history.restarts;
    state.backoff_steps = history.backoff_steps;
    state.last_restart = history.last_restart;
    state.quarantined = history.quarantined;
}

std::string to_text(const Histories& histories, std::string_view boot_id) {
    json containers = json::object();
    for (const auto& [id, history] : histories) {
        json restarts = json::array();
        for (const policies::TimePoint at : history.restarts.times()) restarts.push_back(nanoseconds(at));
        containers[id] = {{"restarts", restarts},
                          {"backoff_steps", history.backoff_steps},
                          {"last_restart", nanoseconds(history.last_restart)},
                          {"quarantined", history.quarantined}};
    }
    return json{{"boot_id", boot_id}, {"containers", containers}}.dump(1, ' ', false,
                                                                       json::error_handler_t::replace) +
           "\n";
}

Histories parse_histories(std::string_view text, std::string_view boot_id) {
    Histories out;
    try {
        const json document = json::parse(text);
        if (document.at("boot_id").get<std::string>() != boot_id) return out;
        for (const auto& [id, item] : document.at("containers").items()) {
            History history;
            std::vector<policies::TimePoint> restarts;
            for (const json& at : item.at("restarts")) restarts.push_back(time_point(at.get<std::int64_t>()));
            history.restarts = policies::RestartTimes(std::move(restarts));
            history.backoff_steps = std::max(0, item.at("backoff_steps").get<int>());
            history.last_restart = time_point(item.at("last_restart").get<std::int64_t>());
            history.quarantined = item.at("quarantined").get<bool>();
            out.emplace(id, std::move(history));
        }
    } catch (const json::exception&) {
        return {};
    }
    return out;
}

HistoryStore::HistoryStore(std::string folder, std::string boot_id, async::Worker& worker)
    : folder_(std::move(folder)), boot_id_(std::move(boot_id)), worker_(worker) {
    std::ifstream in(folder_ + "/history.json");
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    histories_ = parse_histories(text, boot_id_);
}

std::optional<History> HistoryStore::find(const std::string& id) const {
    const auto found = histories_.find(id);
    return found == histories_.end() ? std::nullopt : std::optional<History>(found->second);
}

void HistoryStore::put(const std::string& id, const History& history) {
    if (const auto found = histories_.find(id); found != histories_.end() && found->second == history) return;
    histories_[id] = history;
    save();
}

void HistoryStore::erase(const std::string& id) {
    if (histories_.erase(id) > 0) save();
}

void HistoryStore::keep_only(const std::set<std::string, std::less<>>& ids) {
    if (std::erase_if(histories_, [&ids](const auto& item) { return !ids.contains(item.first); }) > 0) save();
}

void HistoryStore::save() {
    auto job = [folder = folder_, text = to_text(histories_, boot_id_)] { return write_whole(folder, text); };
    auto done = [](const std::string& problem) {
        if (!problem.empty())
            spdlog::warn("{}: a quarantine would not outlive a restart of the governor (see --state-dir)",
                         problem);
    };
    if (!worker_.post(std::move(job), std::move(done)))
        spdlog::warn("the worker's queue is full: the history was not saved");
}

}  // namespace governor
