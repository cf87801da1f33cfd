// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/glob.hpp"
#include "policies/readers.hpp"

#include <array>
#include <unordered_set>

namespace policies {
namespace {

void check_glob(YamlReader& reader, Position at, std::string_view pattern) {
    if (const auto problem = glob_problem(pattern)) {
        reader.error(at, "in the pattern '" + std::string(pattern) + "': " + problem->message,
                     "patterns have *, ?, [a-z] and [!a-z]; a bracket itself is written [[]");
    }
}

void read_labels(YamlReader& reader, const YamlNode& node, Match& out) {
    if (!reader.expect_map(node, "labels: { tier: worker }")) return;
    if (node.entries.empty()) reader.error(node.at, "'labels' has no label");
    std::unordered_set<std::string_view> seen;
    for (const auto& entry : node.entries) {
        const YamlReader::Inside inside(reader, entry.key);
        if (!seen.insert(entry.key).second) {
            reader.error(entry.at, "the label '" + entry.key + "' is given twice",
                         "a value may be a glob: v[12]");
        }
        auto value = reader.text(*entry.value);
        if (!value) continue;
        // An empty value is a value: "the label is there and says nothing".
        if (!value->empty()) check_glob(reader, entry.value->at, *value);
        out.labels.emplace_back(entry.key, std::move(*value));
    }
}

void read_hard(YamlReader& reader, const YamlNode& node, Memory& out) {
    const auto errors_before = reader.errors();
    Size hard;
    reader.bytes(node, hard, Zero::kRefused);
    if (reader.errors() == errors_before) out.hard = hard;
}

void read_then(YamlReader& reader, const YamlNode& node, Breaker&) {
    static constexpr std::array<std::string_view, 1> kWays{"quarantine"};
    reader.choice(node, kWays);
}

void read_never(YamlReader& reader, const YamlNode& node, Never& out) {
    static constexpr std::array<std::string_view, 3> kDeeds{"freeze", "restart", "kill"};
    if (!reader.expect_list(node, "[ freeze, restart, kill ]")) return;
    for (const auto& item : node.items) {
        const auto deed = reader.choice(*item, kDeeds);
        if (!deed) continue;
        (*deed == 0 ? out.freeze : *deed == 1 ? out.restart : out.kill) = true;
    }
}

void read_priority(YamlReader& reader, const YamlNode& node, std::optional<int>& out) {
    constexpr int kLargest = 1000;
    const auto errors_before = reader.errors();
    int priority = 0;
    reader.integer(node, priority, 0, kLargest);
    if (reader.errors() == errors_before) out = priority;
}

/// Runs a reader and notes in the draft whether its part was good.
template <class Read>
void noting(YamlReader& reader, bool& clean, Read read) {
    const auto errors_before = reader.errors();
    read();
    clean = reader.errors() == errors_before;
}

}  // namespace

void read_globs(YamlReader& reader, const YamlNode& node, std::vector<std::string>& out) {
    const auto errors_before = reader.errors();
    std::vector<std::string> globs;
    reader.strings(node, globs);
    if (reader.errors() != errors_before) return;
    for (std::size_t i = 0; i < globs.size(); ++i) {
        check_glob(reader, node.items.empty() ? node.at : node.items[i]->at, globs[i]);
    }
    out = std::move(globs);
}

const Fields<Match>& match_fields() {
    static constexpr std::array<Field<Match>, 4> kFields{{
        {"project", [](YamlReader& r, const YamlNode& n, Match& out) { read_globs(r, n, out.project); }},
        {"service", [](YamlReader& r, const YamlNode& n, Match& out) { read_globs(r, n, out.service); }},
        {"container", [](YamlReader& r, const YamlNode& n, Match& out) { read_globs(r, n, out.container); }},
        {"labels", read_labels},
    }};
    static const auto table = make_fields<Match>(
        "match", "services.<name>.match", "{ project: shop, service: [worker, \"worker-*\"] }", kFields);
    return table;
}

const Fields<Memory>& memory_fields() {
    static constexpr std::array<Field<Memory>, 4> kFields{{
        {"hard", read_hard},
        {"swap", [](YamlReader& r, const YamlNode& n,
                    Memory& out) { read_optional_size(r, n, out.swap, Zero::kAllowed); }},
        {"tripwire",
         [](YamlReader& r, const YamlNode& n, Memory& out) { r.size(n, out.tripwire, Zero::kRefused); }},
        {"oom_score_adj",
         [](YamlReader& r, const YamlNode& n, Memory& out) { read_oom_score_adj(r, n, out.oom_score_adj); }},
    }};
    static const auto table = make_fields<Memory>("memory", "services.<name>.memory",
                                                  "{ hard: 2GiB, swap: 0, tripwire: 90% }", kFields);
    return table;
}

const Fields<Backoff>& backoff_fields() {
    static constexpr std::array<Field<Backoff>, 3> kFields{{
        {"from", [](YamlReader& r, const YamlNode& n, Backoff& out) { r.duration(n, out.from); }},
        {"to", [](YamlReader& r, const YamlNode& n, Backoff& out) { r.duration(n, out.to); }},
        {"reset_after",
         [](YamlReader& r, const YamlNode& n, Backoff& out) { r.duration(n, out.reset_after); }},
    }};
    static const auto table = make_fields<Backoff>("backoff", "services.<name>.restart.backoff",
                                                   "{ from: 1s, to: 5m, reset_after: 10m }", kFields);
    return table;
}

const Fields<Breaker>& breaker_fields() {
    static constexpr std::array<Field<Breaker>, 4> kFields{{
        {"restarts",
         [](YamlReader& r, const YamlNode& n, Breaker& out) { r.integer(n, out.restarts, 1, 128); }},
        {"within", [](YamlReader& r, const YamlNode& n, Breaker& out) { r.duration(n, out.within); }},
        {"then", read_then},
        {"cap", [](YamlReader& r, const YamlNode& n, Breaker& out) { r.size(n, out.cap, Zero::kRefused); }},
    }};
    static const auto table = make_fields<Breaker>("breaker", "services.<name>.restart.breaker",
                                                   "{ restarts: 5, within: 10m, then: quarantine }", kFields);
    return table;
}

const Fields<Restart>& restart_fields() {
    static constexpr std::array<Field<Restart>, 2> kFields{{
        {"backoff", [](YamlReader& r, const YamlNode& n,
                       Restart& out) { read_fields(r, n, backoff_fields(), out.backoff); }},
        {"breaker", [](YamlReader& r, const YamlNode& n,
                       Restart& out) { read_fields(r, n, breaker_fields(), out.breaker); }},
    }};
    static const auto table = make_fields<Restart>("restart", "services.<name>.restart",
                                                   "{ backoff: { from: 1s, to: 5m } }", kFields);
    return table;
}

const Fields<ServiceDraft>& service_fields() {
    using Draft = ServiceDraft;
    static constexpr std::array<Field<Draft>, 8> kFields{{
        {"match", [](YamlReader& r, const YamlNode& n,
                     Draft& out) { out.match_clean = read_fields(r, n, match_fields(), out.policy.match); }},
        {"memory",
         [](YamlReader& r, const YamlNode& n, Draft& out) {
             out.memory_clean = read_fields(r, n, memory_fields(), out.policy.memory);
         }},
        {"reserve", [](YamlReader& r, const YamlNode& n,
                       Draft& out) { read_reserve(r, n, out.policy.reserve.emplace()); }},
        {"priority",
         [](YamlReader& r, const YamlNode& n, Draft& out) { read_priority(r, n, out.policy.priority); }},
        {"near_oom",
         [](YamlReader& r, const YamlNode& n, Draft& out) {
             noting(r, out.near_oom_clean, [&] { read_near_oom(r, n, out.policy.near_oom.emplace()); });
         }},
        {"restart",
         [](YamlReader& r, const YamlNode& n, Draft& out) {
             out.restart_clean = read_fields(r, n, restart_fields(), out.policy.restart);
         }},
        {"restart_with",
         [](YamlReader& r, const YamlNode& n, Draft& out) {
             noting(r, out.restart_with_clean,
                    [&] { read_fields(r, n, restart_with_fields(), out.policy.restart_with.emplace()); });
         }},
        {"never",
         [](YamlReader& r, const YamlNode& n, Draft& out) {
             noting(r, out.never_clean, [&] { read_never(r, n, out.policy.never); });
         }},
    }};
    static const auto table = make_fields<Draft>(
        "service", "services.<name>", "{ match: { service: worker }, memory: { hard: 2GiB } }", kFields);
    return table;
}

}  // namespace policies
