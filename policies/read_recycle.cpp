// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/readers.hpp"

#include <array>

namespace policies {
namespace {

constexpr milliseconds kLongestGrace{3'600'000};
constexpr milliseconds kLongestRespawn{600'000};

void read_signal(YamlReader& reader, const YamlNode& node, Recycle& out) {
    const auto written = reader.text(node);
    if (!written) return;
    auto signal = parse_recycle_signal(*written);
    if (!signal) {
        reader.error(node.at, YamlReader::named(node, *written) + " " + signal.message,
                     std::move(signal.hint));
        return;
    }
    out.signal = *signal.value;
}

void read_respawn(YamlReader& reader, const YamlNode& node, Recycle& out) {
    const auto written = reader.text(node);
    if (!written) return;
    if (*written == "not_expected") {
        out.respawn.reset();
    } else if (written->empty() || written->front() < '0' || written->front() > '9') {
        reader.error(node.at, YamlReader::named(node, *written) + " is neither 'not_expected' nor a duration",
                     "not_expected is for pools that start a process when they need one");
    } else {
        milliseconds within{0};
        reader.duration(node, within, kLongestRespawn);
        out.respawn = within;
    }
}

void read_weight(YamlReader& reader, const YamlNode& node, Recycle& out) {
    reader.share(node, out.weight);
}

}  // namespace

const Fields<Recycle>& recycle_fields() {
    static constexpr std::array<Field<Recycle>, 6> kFields{{
        {"processes",
         [](YamlReader& r, const YamlNode& n, Recycle& out) { read_globs(r, n, out.processes); }},
        {"signal", read_signal},
        {"grace",
         [](YamlReader& r, const YamlNode& n, Recycle& out) { r.duration(n, out.grace, kLongestGrace); }},
        {"respawn", read_respawn},
        {"every", [](YamlReader& r, const YamlNode& n, Recycle& out) { r.duration(n, out.every); }},
        {"weight", read_weight},
    }};
    static const auto table = make_fields<Recycle>("recycle", "services.<name>.near_oom.recycle",
                                                   "{ signal: TERM, grace: 20s }", kFields);
    return table;
}

}  // namespace policies
