// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/readers.hpp"

#include <algorithm>
#include <compare>

namespace policies {
namespace {

constexpr Bytes kDockerMinimum = 6_MiB;
constexpr Permille kWhole{1000};
constexpr Permille kHalf{500};

/// a compared with b when both are shares of the same base, or both (once the hard limit is known) are bytes.
std::optional<std::strong_ordering> compare(const Size& a, const Size& b, const std::optional<Size>& hard) {
    if (a.share && b.share) return *a.share <=> *b.share;
    if (!a.share && !b.share) return a.bytes <=> b.bytes;
    if (!hard) return std::nullopt;
    return a.of(hard->bytes) <=> b.of(hard->bytes);
}

/// The same, with the hard limit itself: 100%.
std::optional<std::strong_ordering> compare_with_hard(const Size& size, const std::optional<Size>& hard) {
    return compare(size, Size{.bytes = {}, .share = kWhole}, hard);
}

/// "2GiB is not below the hard limit of 2GiB"; in bytes where rounding would make both look the same.
std::string not_below_hard(const Size& size, const std::optional<Size>& hard) {
    if (!hard) return to_string(size) + " is not below the hard limit (100%)";
    const auto [value, limit] = told_apart(size.of(hard->bytes), hard->bytes);
    const bool in_bytes = value != to_string(size.of(hard->bytes));
    return (in_bytes ? value : to_string(size)) + " is not below the hard limit of " + limit;
}

void check_memory(YamlReader& reader, const YamlNode& node, const Memory& memory) {
    if (memory.hard && memory.hard->bytes < kDockerMinimum) {
        reader.error(place_of(node, {"memory", "hard"}),
                     "the hard limit of " + to_string(*memory.hard) + " is below Docker's minimum of 6MiB");
        return;
    }
    const auto tripwire_at = place_of(node, {"memory", "tripwire"});
    const auto with_hard = compare_with_hard(memory.tripwire, memory.hard);
    if (with_hard && std::is_gteq(*with_hard)) {
        reader.error(tripwire_at, "the tripwire at " + not_below_hard(memory.tripwire, memory.hard),
                     "the tripwire must fire before the limit kills: 90% is a good start");
        return;
    }
    const auto with_half = compare(memory.tripwire, Size{.bytes = {}, .share = kHalf}, memory.hard);
    if (with_half && std::is_lt(*with_half)) {
        reader.warning(tripwire_at, "the tripwire at " + to_string(memory.tripwire) +
                                        " is below half of the hard limit" +
                                        (memory.hard ? " of " + to_string(*memory.hard) : "") +
                                        ": page cache alone will often cross it");
    }
}

void check_backoff(YamlReader& reader, const YamlNode& node, const Restart& restart) {
    const auto& backoff = restart.backoff;
    if (backoff.from > backoff.to) {
        const bool has_to = find_key(*find_key(*find_key(node, "restart"), "backoff"), "to") != nullptr;
        reader.error(place_of(node, {"restart", "backoff", "from"}),
                     "the back-off begins at " + to_string(backoff.from) + ", above its end of " +
                         to_string(backoff.to) + (has_to ? "" : " (the default)"));
        return;
    }
    // The shortest time in which that many restarts can happen, given the distances that the back-off puts
    // between them.
    milliseconds shortest{0};
    auto step = backoff.from;
    for (int i = 1; i < restart.breaker.restarts && shortest <= restart.breaker.within; ++i) {
        shortest += step;
        step = std::min(step * 2, backoff.to);
    }
    if (shortest > restart.breaker.within) {
        reader.warning(place_of(node, {"restart", "breaker"}),
                       "the breaker can hardly open: the back-off spreads " +
                           std::to_string(restart.breaker.restarts) + " restarts over more than " +
                           to_string(restart.breaker.within),
                       "make 'within' longer, 'restarts' fewer, or 'backoff.to' shorter");
    }
}

void check_restart(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft) {
    const auto* restart_node = find_key(node, "restart");
    if (restart_node == nullptr) return;
    const auto& policy = draft.policy;
    check_backoff(reader, node, policy.restart);
    const auto& cap = policy.restart.breaker.cap;
    if (const auto with_hard = compare_with_hard(cap, policy.memory.hard);
        with_hard && std::is_gteq(*with_hard)) {
        reader.error(place_of(node, {"restart", "breaker", "cap"}),
                     "the quarantine's cap at " + not_below_hard(cap, policy.memory.hard),
                     "in quarantine the cap is all that keeps the service off its limit");
    }
    const bool restarts = policy.near_oom && policy.near_oom->action != NearOomAction::kNotify;
    if (draft.near_oom_clean && !restarts) {
        reader.warning(
            restart_node->at,
            std::string("'restart' has no effect: ") +
                (policy.near_oom ? "near_oom only notifies" : "without near_oom nothing is ever restarted"));
    }
}

/// Where the term with this index stands in the document.
Position term_place(const YamlNode& when, std::size_t index) {
    const auto& value = *when.entries.front().value;
    if (value.kind != YamlNode::Kind::kList) return value.at;
    return value.items[index]->entries.front().value->at;
}

void check_threshold(YamlReader& reader, Position at, const Term& term, const std::optional<Size>& hard) {
    if (term.measure != Measure::kUnreclaimable && term.measure != Measure::kCurrent) return;
    const auto with_hard = compare_with_hard(term.size, hard);
    if (!with_hard) return;
    if (term.measure == Measure::kUnreclaimable && std::is_gteq(*with_hard)) {
        reader.error(at, "the threshold at " + not_below_hard(term.size, hard) +
                             ": the kernel kills before it is reached");
    } else if (std::is_gt(*with_hard)) {
        reader.error(at, "the threshold of " + to_string(term.size) + " is above the hard limit" +
                             (hard ? " of " + to_string(*hard) : " (100%)") + ": it can never be reached");
    }
}

void check_condition(YamlReader& reader, const YamlNode* when, const Condition& condition,
                     const std::optional<Size>& hard) {
    if (when == nullptr) return;
    for (std::size_t i = 0; i < condition.terms.size(); ++i) {
        check_threshold(reader, term_place(*when, i), condition.terms[i], hard);
    }
}

/// Above the tripwire the kernel slows every allocation down, so a threshold there is reached late or never.
void check_gap_above_tripwire(YamlReader& reader, const YamlNode& node, const ServicePolicy& policy) {
    const auto& when = policy.near_oom->when;
    const auto above = [&](const Term& term) {
        if (term.measure != Measure::kUnreclaimable && term.measure != Measure::kCurrent) return false;
        const auto order = compare(term.size, policy.memory.tripwire, policy.memory.hard);
        return order && std::is_gt(*order);
    };
    if (!(when.all ? std::ranges::any_of(when.terms, above) : std::ranges::all_of(when.terms, above))) return;
    const auto term = std::ranges::find_if(when.terms, above);
    const auto* when_node = find_key(*find_key(node, "near_oom"), "when");
    const auto at = when_node ? term_place(*when_node, static_cast<std::size_t>(term - when.terms.begin()))
                              : place_of(node, {"memory", "tripwire"});
    reader.warning(at,
                   "the threshold of " + to_string(term->size) + " is above the tripwire at " +
                       to_string(policy.memory.tripwire) +
                       ": between the two the kernel throttles the service, which can take long",
                   "let the threshold be at the tripwire or below it");
}

void check_never(YamlReader& reader, const YamlNode& node, const ServicePolicy& policy) {
    const auto& never = policy.never;
    const auto action = policy.near_oom->action;
    std::string missing;
    const auto need = [&](bool forbidden, std::string_view what) {
        if (!forbidden) return;
        if (!missing.empty()) missing += ", ";
        missing += what;
    };
    switch (action) {
        case NearOomAction::kGracefulRestart:
            need(never.freeze, "freeze (the brake)");
            need(never.restart, "restart");
            need(never.kill, "kill (for a drain that does not end)");
            break;
        case NearOomAction::kRecycle:
        case NearOomAction::kAuto:
            need(never.freeze, "freeze (the brake)");
            need(never.restart, "restart (when no process can be recycled)");
            need(never.kill, "kill (for a process that does not end within its grace)");
            break;
        case NearOomAction::kKill:
            need(never.kill, "kill");
            break;
        case NearOomAction::kHold:
            need(never.freeze, "freeze");
            break;
        case NearOomAction::kNotify:
            break;
    }
    if (missing.empty()) return;
    const std::string deed(to_string(action));
    reader.error(place_of(node, {"never"}),
                 "'never' forbids what near_oom's '" + deed + "' needs: " + missing,
                 "write do: notify, or take it out of 'never'");
}

void check_unused_parts(YamlReader& reader, const YamlNode& near_oom_node, NearOomAction action) {
    const std::string deed(to_string(action));
    const auto unused = [&](std::string_view part) {
        if (const auto* found = find_key(near_oom_node, part))
            reader.warning(found->at, "'" + std::string(part) + "' has no effect with do: " + deed);
    };
    if (!recycles(action)) unused("recycle");
    if (recycles(action) || action == NearOomAction::kGracefulRestart) return;
    unused("brake");
    unused("drain");
    unused("drain_hook");
}

void check_match(YamlReader& reader, const YamlNode& node, const Match& match) {
    if (!(match == Match{})) return;
    const bool there = find_key(node, "match") != nullptr;
    reader.error(
        place_of(node, {"match"}),
        there ? "the match is empty: it would take every container of the host" : "'match' is missing",
        "say which containers: match: { service: worker }; all of Compose's: match: { service: \"*\" }");
}

}  // namespace

void check_service(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft) {
    const auto& policy = draft.policy;
    if (draft.match_clean) check_match(reader, node, policy.match);
    check_reserve(reader, node, draft);
    check_priority(reader, node, draft);
    check_restart_with(reader, node, draft);
    const auto errors_before = reader.errors();
    // Safe also when a part of it could not be read: an unread hard limit is absent, and bytes are then
    // compared with nothing.
    check_memory(reader, node, policy.memory);
    if (draft.restart_clean) check_restart(reader, node, draft);
    if (!policy.near_oom || !draft.near_oom_clean) return;
    const auto& near_oom_node = *find_key(node, "near_oom");
    if (draft.never_clean) check_never(reader, node, policy);
    check_unused_parts(reader, near_oom_node, policy.near_oom->action);
    check_loan(reader, node, draft);
    check_condition(reader, find_key(near_oom_node, "when"), policy.near_oom->when, policy.memory.hard);
    if (policy.near_oom->warn) {
        check_condition(reader, find_key(*find_key(near_oom_node, "warn"), "when"),
                        policy.near_oom->warn->when, policy.memory.hard);
    }
    // This one would compare with a default that nobody wrote.
    if (draft.memory_clean && reader.errors() == errors_before)
        check_gap_above_tripwire(reader, node, policy);
    if (draft.memory_clean && reader.errors() == errors_before) check_drain_hook(reader, node, policy);
}

}  // namespace policies
