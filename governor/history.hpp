// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/async/worker.hpp"
#include "policies/step.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace governor {

/// What must outlive the governor itself: without it, a deploy of the governor would end a quarantine and
/// forget a restart storm.
struct History {
    policies::RestartTimes restarts;
    int backoff_steps = 0;
    policies::TimePoint last_restart{};
    bool quarantined = false;
    bool operator==(const History&) const = default;
};

History history_of(const policies::State& state);
void restore(policies::State& state, const History& history);

/// By container id.
using Histories = std::map<std::string, History, std::less<>>;

/// Times are of the monotonic clock, so they mean something during one boot only: `boot_id` tells.
std::string to_text(const Histories& histories, std::string_view boot_id);
/// Empty for another boot's, and for a text that is damaged: a lost history is no reason not to start.
Histories parse_histories(std::string_view text, std::string_view boot_id);

/// Keeps the histories in one small file, written whole and renamed into place, on the worker's thread.
/// Loop's thread only.
class HistoryStore {
  public:
    /// Reads what is there. A folder that cannot be written costs the memory over restarts, nothing else; it
    /// is said once.
    HistoryStore(std::string folder, std::string boot_id, async::Worker& worker);

    std::optional<History> find(const std::string& id) const;
    void put(const std::string& id, const History& history);
    void erase(const std::string& id);
    /// Forgets all others: their containers were removed while nobody looked.
    void keep_only(const std::set<std::string, std::less<>>& ids);

  private:
    void save();

    std::string folder_;
    std::string boot_id_;
    async::Worker& worker_;
    Histories histories_;
};

}  // namespace governor
