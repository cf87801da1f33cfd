// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/reserve/plan.hpp"

#include <algorithm>
#include <charconv>

namespace governor::reserve {
namespace {

constexpr std::string_view kNote = "reserve ";

cgroups::Bytes plus(cgroups::Bytes a, cgroups::Bytes b) {
    return a.value > cgroups::kMax.value - b.value ? cgroups::kMax : cgroups::Bytes{a.value + b.value};
}

struct Sum {
    cgroups::Bytes min;
    cgroups::Bytes low;
};

std::optional<std::uint64_t> number(std::string_view& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

}  // namespace

std::string_view file_of(Knob knob) {
    switch (knob) {
        case Knob::kMin:
            return "memory.min";
        case Knob::kLow:
            return "memory.low";
        case Knob::kSwapMax:
            return "memory.swap.max";
    }
    return {};
}

std::string_view property_of(Knob knob) {
    switch (knob) {
        case Knob::kMin:
            return "MemoryMin";
        case Knob::kLow:
            return "MemoryLow";
        case Knob::kSwapMax:
            return "MemorySwapMax";
    }
    return {};
}

std::vector<std::string> ancestors(std::string_view mount, std::string_view path) {
    std::vector<std::string> out;
    if (!path.starts_with(mount)) return out;
    for (auto slash = path.find('/', mount.size() + 1); slash != std::string_view::npos;
         slash = path.find('/', slash + 1))
        out.emplace_back(path.substr(0, slash));
    return out;
}

std::map<Place, cgroups::Bytes> plan(std::string_view mount, std::span<const Claim> claims,
                                     const std::map<std::string, Baseline>& baselines) {
    std::map<Place, cgroups::Bytes> out;
    std::map<std::string, Sum> sums;
    for (const Claim& claim : claims) {
        if (claim.min) out[{claim.path, Knob::kMin}] = *claim.min;
        if (claim.low) out[{claim.path, Knob::kLow}] = *claim.low;
        if (claim.swap) out[{claim.path, Knob::kSwapMax}] = *claim.swap;
        if (!claim.min && !claim.low) continue;
        for (const std::string& ancestor : ancestors(mount, claim.path.str())) {
            Sum& sum = sums[ancestor];
            sum.min = plus(sum.min, claim.min.value_or(cgroups::Bytes{}));
            sum.low = plus(sum.low, claim.low.value_or(cgroups::Bytes{}));
        }
    }
    for (const auto& [path, baseline] : baselines) sums.try_emplace(path);
    for (const auto& [ancestor, sum] : sums) {
        const auto known = baselines.find(ancestor);
        const cgroups::SharedText path = ancestor;
        const Baseline base = known == baselines.end() ? Baseline{} : known->second;
        // What nobody claims is left as it is found, unless it is to be lowered again.
        const bool had = known != baselines.end();
        if (sum.min.value > 0 || had) out[{path, Knob::kMin}] = std::max(base.min, sum.min);
        if (sum.low.value > 0 || had) out[{path, Knob::kLow}] = std::max(base.low, sum.low);
    }
    return out;
}

std::string unit_of(std::string_view path) {
    const std::string_view last = path.substr(path.rfind('/') + 1);
    for (const std::string_view suffix : {".slice", ".scope", ".service"})
        if (last.size() > suffix.size() && last.ends_with(suffix)) return std::string(last);
    return {};
}

std::string to_note(const Baseline& baseline) {
    return std::string(kNote) + std::to_string(baseline.min.value) + " " + std::to_string(baseline.low.value);
}

std::optional<Baseline> parse_note(std::string_view text) {
    if (!text.starts_with(kNote)) return std::nullopt;
    text.remove_prefix(kNote.size());
    const auto min = number(text);
    if (!min || !text.starts_with(' ')) return std::nullopt;
    text.remove_prefix(1);
    const auto low = number(text);
    if (!low || !text.empty()) return std::nullopt;
    return Baseline{{*min}, {*low}};
}

}  // namespace governor::reserve
