// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/readers.hpp"

#include <string>

namespace policies {
namespace {

/// Whether `a` is above `b`, where that can be told before the host is known: for two of one kind.
bool is_above(const Size& a, const Size& b) {
    if (a.share.has_value() != b.share.has_value()) return false;
    return a.share ? *a.share > *b.share : a.bytes > b.bytes;
}

std::pair<std::string, std::string> told_apart(const Size& a, const Size& b) {
    if (a.share || b.share) return {to_string(a), to_string(b)};
    return told_apart(a.bytes, b.bytes);
}

void check_min_and_low(YamlReader& reader, const YamlNode& node, const Reserve& reserve) {
    if (!reserve.min || !reserve.low || !is_above(*reserve.min, *reserve.low)) return;
    const auto [min, low] = told_apart(*reserve.min, *reserve.low);
    reader.error(place_of(node, {"reserve", "low"}),
                 "'low' of " + low + " is below 'min' of " + min + ": what min keeps, low adds nothing to",
                 "make 'low' more than 'min', or leave it out");
}

void check_against_hard(YamlReader& reader, const YamlNode& node, std::string_view key,
                        const std::optional<Size>& reserved, const std::optional<Size>& hard) {
    // `hard` has no percentages; a percentage of the host's memory is compared with it in the ledger.
    if (!reserved || !hard || !is_above(*reserved, *hard)) return;
    const auto [value, limit] = told_apart(*reserved, *hard);
    reader.error(place_of(node, {"reserve", key}),
                 "'" + std::string(key) + "' of " + value + " is above the hard limit of " + limit +
                     ": the service could never use it",
                 "reserve at most the hard limit, or raise memory.hard");
}

/// What memory.swap comes to, where it can be told.
std::optional<Bytes> swap_of(const Memory& memory) {
    if (!memory.swap->share) return memory.swap->bytes;
    if (memory.swap->share->value == 0) return Bytes{};
    if (!memory.hard) return std::nullopt;
    return memory.swap->of(memory.hard->bytes);
}

void check_swap(YamlReader& reader, const YamlNode& node, const ServicePolicy& policy) {
    if (!policy.reserve->swap || !policy.memory.swap) return;
    const auto& reserved = *policy.reserve->swap;
    const bool reserves_none = reserved == Size{} || reserved == percent(0);
    const auto limit = swap_of(policy.memory);
    const bool agree =
        limit && (reserves_none ? *limit == Bytes{} : !reserved.share && reserved.bytes == *limit);
    if (agree) return;
    const auto at = place_of(node, {"reserve", "swap"});
    const auto other = reader.lines().place(place_of(node, {"memory", "swap"}));
    if (limit == Bytes{}) {
        reader.error(at,
                     "a reserve of " + to_string(reserved) +
                         " swap on a service with swap forbidden: memory.swap is " +
                         to_string(*policy.memory.swap) + " at " + other,
                     "take one of the two out");
        return;
    }
    reader.error(at,
                 "'swap' is " + to_string(reserved) + " here and " + to_string(*policy.memory.swap) +
                     " in 'memory' at " + other + ": they set the same limit",
                 "say it once; percentages are of the host's memory here, of the hard limit there");
}

void check_oom_score(YamlReader& reader, const YamlNode& node, const ServicePolicy& policy) {
    const auto& here = policy.reserve->oom_score_adj;
    const auto& there = policy.memory.oom_score_adj;
    if (!here || !there) return;
    reader.error(place_of(node, {"reserve", "oom_score_adj"}),
                 "oom_score_adj is given twice: " + std::to_string(*here) + " here, " +
                     std::to_string(*there) + " in 'memory' at " +
                     reader.lines().place(place_of(node, {"memory", "oom_score_adj"})),
                 "say it once");
}

}  // namespace

void check_reserve(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft) {
    const auto& policy = draft.policy;
    if (!policy.reserve) return;
    // What could not be read is absent, and absent parts are compared with nothing.
    check_min_and_low(reader, node, *policy.reserve);
    check_against_hard(reader, node, "min", policy.reserve->min, policy.memory.hard);
    check_against_hard(reader, node, "low", policy.reserve->low, policy.memory.hard);
    check_swap(reader, node, policy);
    check_oom_score(reader, node, policy);
}

void check_priority(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft) {
    const auto& policy = draft.policy;
    if (!policy.priority || !draft.never_clean || !draft.near_oom_clean) return;
    const auto at = place_of(node, {"priority"});
    const auto given = "priority " + std::to_string(*policy.priority) + " on a service ";
    if (policy.never.any()) {
        reader.error(at, given + "with 'never': it cannot give way when the host runs short",
                     "take 'priority' out, or 'never'");
        return;
    }
    if (policy.near_oom && policy.near_oom->action != NearOomAction::kNotify) {
        if (policy.reserve && (policy.reserve->min || policy.reserve->low)) {
            reader.warning(
                at, given + "with a reserve: memory is set aside for it, and yet it gives way to others");
        }
        return;
    }
    reader.error(at,
                 given + (policy.near_oom ? "whose near_oom only notifies" : "without near_oom") +
                     ": it could not be restarted gracefully to give way",
                 "write near_oom: { do: graceful_restart }, or take 'priority' out");
}

}  // namespace policies
