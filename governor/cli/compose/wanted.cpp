// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/wanted.hpp"

#include <array>
#include <utility>

namespace governor::cli::compose {
namespace {

using policies::Bytes;
using policies::Size;

/// A tripwire slows the service: only where something then acts may there be one.
bool acts(const policies::ServicePolicy& policy) {
    return policy.near_oom && policy.near_oom->action != policies::NearOomAction::kNotify;
}

class Collector {
  public:
    Collector(std::optional<Bytes> hard, std::optional<Bytes> host) : hard_(hard), host_(host) {}

    /// The size in bytes, put into the properties; absent, with a note, when its base is not known.
    std::optional<Bytes> add(std::string_view name, const Size& size, bool of_host) {
        const auto base = of_host ? host_ : hard_;
        if (size.share && !base) {
            out.notes.push_back(std::string(name) + " is " + policies::to_string(*size.share) +
                                (of_host
                                     ? " of the host's memory, which is not known: say it with --host-memory"
                                     : " of the hard limit, and neither the policy (memory.hard) nor the "
                                       "Compose file (mem_limit) has one"));
            return std::nullopt;
        }
        const Bytes value = size.of(base.value_or(Bytes{}));
        out.properties.push_back({name, value});
        return value;
    }

    Wanted out;

  private:
    std::optional<Bytes> hard_;
    std::optional<Bytes> host_;
};

}  // namespace

Wanted wanted_of(const policies::ServicePolicy& policy, std::optional<Bytes> limit,
                 std::optional<Bytes> host_memory) {
    std::optional<Bytes> hard = limit;
    if (policy.memory.hard) hard = policy.memory.hard->of(Bytes{});
    Collector collector(hard, host_memory);
    const auto& reserve = policy.reserve;
    if (reserve && reserve->min)
        collector.out.min = collector.add("MemoryMin", *reserve->min, true).value_or(Bytes{});
    if (reserve && reserve->low)
        collector.out.low = collector.add("MemoryLow", *reserve->low, true).value_or(Bytes{});
    if (acts(policy)) collector.add("MemoryHigh", policy.memory.tripwire, false);
    if (reserve && reserve->swap) {
        collector.out.swap = collector.add("MemorySwapMax", *reserve->swap, true);
    } else if (policy.memory.swap) {
        collector.out.swap = collector.add("MemorySwapMax", *policy.memory.swap, false);
    }
    if (policy.memory.hard) collector.out.hard = hard;
    return std::move(collector.out);
}

std::string compose_size(Bytes size) {
    constexpr std::array<std::pair<unsigned, char>, 3> kUnits{{{30, 'g'}, {20, 'm'}, {10, 'k'}}};
    for (const auto& [shift, letter] : kUnits) {
        const std::uint64_t unit = std::uint64_t{1} << shift;
        if (size.value != 0 && size.value % unit == 0) return std::to_string(size.value / unit) + letter;
    }
    return std::to_string(size.value);
}

}  // namespace governor::cli::compose
