// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the supervisor for replicas of one service: which of them is away, and the headroom loan of the
// one that waits for it.
#include "governor/supervisor.hpp"
#include "policies/ledger.hpp"

#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace governor {
namespace {

using namespace std::chrono_literals;
using policies::Bytes;

/// A replica that is back counts as away until its health check is healthy, for so long at most.
constexpr policies::Duration kHealthAwaited = 60s;
constexpr std::uint64_t kLargestPage = 65536;

/// The kernel keeps whole pages.
bool is_same_limit(Bytes wanted, Bytes found) {
    return found <= wanted && wanted.value - found.value < kLargestPage;
}

/// What is lent to it, or asked for.
Bytes lent_to(const Controller& controller) {
    const policies::State& state = controller.state();
    if (state.borrowed()) return state.hard - state.loan_from;
    const auto& policy = controller.target().policy;
    const bool asked =
        state.phase == policies::Phase::kBorrowing && policy && policy->near_oom && policy->near_oom->loan;
    return asked ? policy->near_oom->loan->of(state.hard) : Bytes{};
}

/// The lowest limit of the cgroups above it.
Bytes lowest_above(const Run& run) {
    Bytes lowest = policies::kUnlimited;
    for (const cgroups::LimitNode* node = run.files.above(); node != nullptr; node = node->parent())
        if (node->limit() != cgroups::kMax) lowest = std::min(lowest, Bytes{node->limit().value});
    return lowest;
}

std::string short_of(Bytes wanted, const std::string& what, Bytes has) {
    const auto [asked, found] = policies::told_apart(wanted, has);
    return asked + " " + what + " " + found + ".";
}

}  // namespace

bool Supervisor::is_away(const Entry& entry) const {
    if (!entry.controller) return false;
    const policies::State& state = entry.controller->state();
    switch (state.phase) {
        case policies::Phase::kDrainHook:
        case policies::Phase::kSignalling:
        case policies::Phase::kDraining:
        case policies::Phase::kExited:
            return true;
        case policies::Phase::kUnarmed:
            return state.restarting;
        default:
            break;
    }
    if (!entry.found.health_check || state.back_at == policies::TimePoint{}) return false;
    return parts_.clock() < state.back_at + kHealthAwaited;
}

/// Asked for only where the answer matters: most samples are far from a threshold.
bool Supervisor::replica_away(const Entry& entry, Bytes unreclaimable) const {
    const auto& policy = entry.controller->target().policy;
    if (!policy || !policy->near_oom || !policy->near_oom->loan) return false;
    const policies::State& state = entry.controller->state();
    if (state.loan_from == policies::kUnlimited && unreclaimable.value < state.tripwire.value / 2)
        return false;
    const publish::Subject& own = *entry.controller->subject();
    if (own.project.empty()) return false;
    return std::ranges::any_of(entries_, [&](const auto& each) {
        const auto& [id, other] = each;
        if (id == own.id || !other.controller) return false;
        const publish::Subject& subject = *other.controller->subject();
        return subject.service == own.service && subject.project == own.project && is_away(other);
    });
}

std::optional<Bytes> Supervisor::lent_limit(const Entry& entry) const {
    if (!entry.armed || !entry.controller) return std::nullopt;
    const policies::State& state = entry.controller->state();
    const auto& policy = entry.controller->target().policy;
    if (!state.borrowed() || !policy || !policy->near_oom || !policy->near_oom->loan || !policy->memory.hard)
        return std::nullopt;
    if (!is_same_limit(policy->memory.hard->of(host_.memory), state.loan_from)) return std::nullopt;
    return state.hard;
}

/// Empty when the host, the sum of what is promised, and every limit above have room for it. A loan is for
/// what is left over: where hard limits are over-committed already, there is none.
std::string Supervisor::refuse_loan(const Entry& entry, Bytes hard) {
    const Target& target = entry.controller->target();
    const policies::State& state = entry.controller->state();
    const Bytes loan = hard - state.hard;
    Bytes lent{};
    std::vector<policies::Running> running;
    for (const auto& [id, each] : entries_) {
        if (!each.controller || !each.armed) continue;
        const Target& other = each.controller->target();
        if (!other.run || !other.policy || other.policy->name.empty()) continue;
        if (&each != &entry) lent = lent + lent_to(*each.controller);
        running.push_back({other.policy->name, 1, each.controller->state().hard, lowest_above(*other.run)});
    }
    const policies::Ledger ledger = policies::add_up(*policy_, host_.memory, running);
    if (ledger.worst + lent + loan > ledger.host)
        return short_of(
            ledger.worst + lent + loan,
            "of hard limits, reservations, host.keep_free and loans would be more than the host's",
            ledger.host);
    const auto memory = parts_.processes.host_memory();
    if (!memory) return memory.error().message() + ".";
    const Bytes wanted = ledger.keep_free + lent + loan;
    const Bytes available{memory->available.value};
    if (available < wanted)
        return short_of(wanted,
                        "for loans and host.keep_free is more than the host has available:", available);
    const Bytes room = hard - state.last.unreclaimable;
    for (cgroups::LimitNode* node = target.run->files.above(); node != nullptr; node = node->parent()) {
        const Bytes headroom{node->headroom(cgroups::Bytes{room.value}).value};
        if (headroom < room)
            return short_of(room, "is more than " + node->name() + " has left below its limit:", headroom);
    }
    return {};
}

void Supervisor::lend(const Target& target, Bytes hard, Answer answer) {
    const Entry* entry = find(target.subject->id);
    if (entry == nullptr || !entry->armed) return answer(policies::LoanDone{}, {});
    if (const std::string refused = refuse_loan(*entry, hard); !refused.empty())
        return answer(policies::LoanDone{false, entry->controller->state().hard},
                      "No headroom loan: " + refused);
    const auto patience = target.policy->near_oom->brake.docker_timeout / 2;
    LentLimit loan{target.subject->id, target.run, hard, patience, true};
    spawn(set_lent_limit(std::move(loan), std::move(answer)));
}

void Supervisor::take_back(const Target& target, Bytes hard, Answer answer) {
    // The policy's own number, so that the next look finds Docker's the same.
    if (target.policy && target.policy->memory.hard) {
        const Bytes wanted = target.policy->memory.hard->of(host_.memory);
        if (is_same_limit(wanted, hard)) hard = wanted;
    }
    LentLimit loan{target.subject->id, target.run, hard, parts_.docker.options().timeout, false};
    spawn(set_lent_limit(std::move(loan), std::move(answer)));
}

Supervisor::Task Supervisor::set_lent_limit(LentLimit loan, Answer answer) {
    const Entry* entry = find(loan.id);
    if (entry == nullptr || !entry->controller->target().policy) co_return;
    const std::int64_t both =
        memory_and_swap(entry->controller->target().policy->memory, loan.hard, entry->found);
    const auto limit = static_cast<std::int64_t>(loan.hard.value);
    const auto done = co_await parts_.docker.update_memory(loan.id, limit, both, loan.patience);
    Entry* still = find(loan.id);
    if (still == nullptr || loan.run->ended) co_return;
    if (done) {
        still->found.memory = limit;
        still->found.memory_swap = both;
    } else {
        spdlog::warn("{}", done.error().message);
    }
    const auto now = loan.run->directory.read_bytes("memory.max");
    if (!now) co_return;
    const Bytes found{now->value};
    std::string problem;
    if (!done)
        problem = (loan.grant ? "No headroom loan: " : "The loan is not paid back: ") + done.error().message;
    answer(policies::LoanDone{loan.grant && is_same_limit(loan.hard, found), found}, problem);
}

}  // namespace governor
