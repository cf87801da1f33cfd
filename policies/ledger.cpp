// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/ledger.hpp"

#include <algorithm>
#include <utility>

namespace policies {
namespace {

/// An error names the services that ask for most; with more than these the sum says enough.
constexpr std::size_t kNamed = 4;

/// The largest sum: no real one comes near, and adding a size to it does not wrap.
constexpr std::uint64_t kMost = std::uint64_t{1} << 63U;

/// Sums stop at the largest number instead of starting again at 0, which would look as if all fitted.
Bytes plus(Bytes a, Bytes b) {
    return {b.value > kMost - a.value ? kMost : a.value + b.value};
}

LedgerLine line_of(const ServicePolicy& service, Bytes host, const Running& running) {
    LedgerLine line;
    line.service = service.name;
    line.containers = running.containers;
    line.hard = std::min(service.memory.hard ? service.memory.hard->of(host) : running.hard, running.above);
    if (service.near_oom && service.near_oom->loan && line.hard != kUnlimited)
        line.loan = service.near_oom->loan->of(line.hard);
    if (!service.reserve) return line;
    if (service.reserve->min) line.min = service.reserve->min->of(host);
    if (service.reserve->low) line.low = service.reserve->low->of(host);
    line.low = std::max(line.low, line.min);
    return line;
}

std::vector<LedgerLine> lines_of(const Policy& policy, Bytes host, const std::vector<Running>& running) {
    std::vector<LedgerLine> lines;
    for (const auto& service : policy.services) {
        const auto before = lines.size();
        for (const auto& each : running) {
            if (each.service == service.name) lines.push_back(line_of(service, host, each));
        }
        if (lines.size() == before) lines.push_back(line_of(service, host, Running{service.name}));
    }
    return lines;
}

void sum(Ledger& ledger) {
    ledger.worst = ledger.keep_free;
    for (const auto& line : ledger.lines) {
        ledger.sum_min = plus(ledger.sum_min, line.all(line.min));
        ledger.sum_low = plus(ledger.sum_low, line.all(line.low));
        if (line.hard != kUnlimited) {
            ledger.sum_hard = plus(ledger.sum_hard, line.all(line.hard));
            ledger.worst = plus(ledger.worst, line.all(line.hard));
            continue;
        }
        ledger.worst = plus(ledger.worst, line.all(line.low));
        if (std::ranges::find(ledger.unlimited, line.service) == ledger.unlimited.end())
            ledger.unlimited.push_back(line.service);
    }
}

/// "database 2 x 1GiB, cache 512MiB and 3 more", the largest first.
std::string named(const Ledger& ledger, Bytes LedgerLine::*part) {
    std::vector<const LedgerLine*> found;
    for (const auto& line : ledger.lines) {
        if (line.all(line.*part) != Bytes{}) found.push_back(&line);
    }
    std::ranges::stable_sort(
        found, [&](const auto* a, const auto* b) { return a->all(a->*part) > b->all(b->*part); });
    std::string out;
    for (std::size_t i = 0; i < std::min(found.size(), kNamed); ++i) {
        const auto& line = *found[i];
        if (i != 0) out += ", ";
        out += line.service + " ";
        if (line.containers != 1) out += std::to_string(line.containers) + " x ";
        out += to_string(line.*part);
    }
    if (found.size() > kNamed) out += " and " + std::to_string(found.size() - kNamed) + " more";
    return out;
}

/// "... come to 9GiB, and the host has 7.76GiB: 1.24GiB too much".
std::string against_host(Bytes total, Bytes host) {
    const auto [wanted, has] = told_apart(total, host);
    return " come to " + wanted + ", and the host has " + has + ": " + to_string(total - host);
}

std::string with_keep_free(const Ledger& ledger) {
    return ledger.keep_free == Bytes{} ? "" : " and host.keep_free of " + to_string(ledger.keep_free);
}

std::string cannot_be_kept(const Ledger& ledger, const std::string& key, Bytes reserved,
                           Bytes LedgerLine::*part) {
    const auto total = plus(reserved, ledger.keep_free);
    if (total <= ledger.host) return {};
    if (reserved == Bytes{}) {
        const auto [wanted, has] = told_apart(ledger.keep_free, ledger.host);
        return "host.keep_free of " + wanted + " cannot be kept: the host has " + has;
    }
    return "the reservations cannot be kept: reserve." + key + " of " + to_string(reserved) + " (" +
           named(ledger, part) + ")" + with_keep_free(ledger) + against_host(total, ledger.host) +
           " too much";
}

/// With sizes in bytes the loader has found it already; what a percentage comes to shows only here.
std::string above_hard(const Ledger& ledger) {
    for (const auto& line : ledger.lines) {
        if (line.low <= line.hard) continue;
        const bool in_min = line.min > line.hard;
        const auto [reserved, hard] = told_apart(in_min ? line.min : line.low, line.hard);
        return "reserve." + std::string(in_min ? "min" : "low") + " of " + line.service + " comes to " +
               reserved + " on this host, above its hard limit of " + hard + ": it could never use it";
    }
    return {};
}

std::string over_committed(const Ledger& ledger) {
    if (ledger.worst <= ledger.host) return {};
    const auto reserved = ledger.worst - ledger.keep_free - ledger.sum_hard;
    std::string out = "over-committed in the worst case: hard limits of " + to_string(ledger.sum_hard);
    if (reserved != Bytes{}) out += ", reservations without a hard limit of " + to_string(reserved);
    out += with_keep_free(ledger) + against_host(ledger.worst, ledger.host) +
           " is missing when all of them want it at once";
    if (ledger.unlimited.empty()) return out;
    out += "; without any limit:";
    for (std::size_t i = 0; i < std::min(ledger.unlimited.size(), kNamed); ++i)
        out += (i == 0 ? " " : ", ") + ledger.unlimited[i];
    if (ledger.unlimited.size() > kNamed)
        out += " and " + std::to_string(ledger.unlimited.size() - kNamed) + " more";
    return out;
}

/// A loan is one container's, beside its own hard limit.
std::string never_granted(const Ledger& ledger) {
    std::string out;
    for (const auto& line : ledger.lines) {
        if (line.loan == Bytes{} || line.hard == kUnlimited) continue;
        const auto wanted = plus(plus(line.hard, line.loan), ledger.keep_free);
        if (wanted <= ledger.host) continue;
        if (!out.empty()) out += "; ";
        out += "the loan of " + to_string(line.loan) + " of " + line.service +
               " can never be granted: with its hard limit of " + to_string(line.hard) +
               with_keep_free(ledger) + " it would" + against_host(wanted, ledger.host) + " too much";
    }
    return out;
}

}  // namespace

Bytes LedgerLine::all(Bytes each) const {
    if (containers <= 0) return {};
    const auto many = static_cast<std::uint64_t>(containers);
    return {each.value > kMost / many ? kMost : each.value * many};
}

Ledger add_up(const Policy& policy, Bytes host_memory, const std::vector<Running>& running) {
    Ledger ledger;
    ledger.host = host_memory;
    if (policy.host.keep_free) ledger.keep_free = policy.host.keep_free->of(host_memory);
    ledger.lines = lines_of(policy, host_memory, running);
    sum(ledger);
    ledger.error = cannot_be_kept(ledger, "min", ledger.sum_min, &LedgerLine::min);
    if (ledger.error.empty()) ledger.error = cannot_be_kept(ledger, "low", ledger.sum_low, &LedgerLine::low);
    if (ledger.error.empty()) ledger.error = above_hard(ledger);
    ledger.warning = over_committed(ledger);
    if (const auto loans = never_granted(ledger); !loans.empty())
        ledger.warning += (ledger.warning.empty() ? "" : "; ") + loans;
    return ledger;
}

}  // namespace policies
