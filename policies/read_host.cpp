// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/readers.hpp"

#include <array>

namespace policies {
namespace {

/// The windows that a PSI trigger may have (kernel: Documentation/accounting/psi.rst).
constexpr milliseconds kShortestWindow{500};
constexpr milliseconds kLongestWindow{10'000};

constexpr Permille kWhole{1000};

void read_window(YamlReader& reader, const YamlNode& node, HostPressureDraft& out) {
    const auto errors_before = reader.errors();
    milliseconds over{0};
    reader.duration(node, over);
    if (reader.errors() != errors_before) return;
    if (over < kShortestWindow || over > kLongestWindow) {
        reader.error(node.at, "pressure over " + to_string(over) +
                                  " cannot be watched: the kernel's windows are from " +
                                  to_string(kShortestWindow) + " to " + to_string(kLongestWindow));
        return;
    }
    out.over = over;
}

void read_host_pressure(YamlReader& reader, const YamlNode& node, Host& out) {
    HostPressureDraft draft;
    if (!read_fields(reader, node, host_pressure_fields(), draft)) return;
    if (draft.some.has_value() == draft.full.has_value()) {
        reader.error(
            node.at,
            draft.some ? "pressure has both 'some' and 'full'" : "pressure has neither 'some' nor 'full'",
            "for example: " + std::string(host_pressure_fields().table.example));
        return;
    }
    out.pressure = HostPressure{
        .full = draft.full.has_value(), .share = draft.full ? *draft.full : *draft.some, .over = draft.over};
}

void read_keep_free(YamlReader& reader, const YamlNode& node, Host& out) {
    std::optional<Size> size;
    read_optional_size(reader, node, size, Zero::kRefused);
    if (size && size->share && *size->share >= kWhole) {
        reader.error(node.at, "keep_free at " + to_string(*size) +
                                  " of the host's memory leaves nothing for any service");
        return;
    }
    out.keep_free = size;
}

void read_size_below_host(YamlReader& reader, const YamlNode& node, std::optional<Size>& out, Zero zero) {
    std::optional<Size> size;
    read_optional_size(reader, node, size, zero);
    if (size && size->share && *size->share > kWhole) {
        reader.error(node.at, to_string(*size) + " is more than the host has (100%)",
                     "percentages are of the host's memory here");
        return;
    }
    if (size) out = size;
}

}  // namespace

void read_optional_size(YamlReader& reader, const YamlNode& node, std::optional<Size>& out, Zero zero) {
    const auto errors_before = reader.errors();
    Size size;
    reader.size(node, size, zero);
    if (reader.errors() == errors_before) out = size;
}

void read_oom_score_adj(YamlReader& reader, const YamlNode& node, std::optional<int>& out) {
    constexpr int kBound = 1000;
    const auto errors_before = reader.errors();
    int value = 0;
    reader.integer(node, value, -kBound, kBound);
    if (reader.errors() == errors_before) out = value;
}

const Fields<HostPressureDraft>& host_pressure_fields() {
    using Draft = HostPressureDraft;
    static constexpr std::array<Field<Draft>, 3> kFields{{
        {"some", [](YamlReader& r, const YamlNode& n, Draft& out) { r.share(n, out.some.emplace()); }},
        {"full", [](YamlReader& r, const YamlNode& n, Draft& out) { r.share(n, out.full.emplace()); }},
        {"over", read_window},
    }};
    static const auto table =
        make_fields<Draft>("host_pressure", "host.pressure", "{ full: 10%, over: 2s }", kFields);
    return table;
}

const Fields<Host>& host_fields() {
    static constexpr std::array<Field<Host>, 2> kFields{{
        {"keep_free", read_keep_free},
        {"pressure", read_host_pressure},
    }};
    static const auto table = make_fields<Host>(
        "host", "host", "{ keep_free: 512MiB, pressure: { full: 10%, over: 2s } }", kFields);
    return table;
}

void read_host(YamlReader& reader, const YamlNode& node, Host& out) {
    if (read_fields(reader, node, host_fields(), out) && node.entries.empty()) {
        reader.error(node.at, "'host' is empty: it says nothing",
                     "for example: host: " + std::string(host_fields().table.example));
    }
}

const Fields<Reserve>& reserve_fields() {
    static constexpr std::array<Field<Reserve>, 4> kFields{{
        {"min", [](YamlReader& r, const YamlNode& n,
                   Reserve& out) { read_size_below_host(r, n, out.min, Zero::kRefused); }},
        {"low", [](YamlReader& r, const YamlNode& n,
                   Reserve& out) { read_size_below_host(r, n, out.low, Zero::kRefused); }},
        {"oom_score_adj",
         [](YamlReader& r, const YamlNode& n, Reserve& out) { read_oom_score_adj(r, n, out.oom_score_adj); }},
        {"swap", [](YamlReader& r, const YamlNode& n,
                    Reserve& out) { read_size_below_host(r, n, out.swap, Zero::kAllowed); }},
    }};
    static const auto table = make_fields<Reserve>(
        "reserve", "services.<name>.reserve", "{ min: 1GiB, low: 1536MiB, oom_score_adj: -900 }", kFields);
    return table;
}

void read_reserve(YamlReader& reader, const YamlNode& node, Reserve& out) {
    if (read_fields(reader, node, reserve_fields(), out) && node.entries.empty()) {
        reader.error(node.at, "'reserve' is empty: nothing is set aside",
                     "for example: reserve: " + std::string(reserve_fields().table.example));
    }
}

}  // namespace policies
