// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/readers.hpp"

#include <algorithm>
#include <array>

namespace policies {
namespace {

/// A brake holds a whole container still: long enough for a slow Docker, never for ever.
constexpr milliseconds kLongestBrake{60'000};
constexpr milliseconds kLongestWarning{60'000};

void read_http(YamlReader& reader, const YamlNode& node, WarnDraft& out) {
    ++out.calls;
    if (auto call = read_http_call(reader, node, "http://ai-coach-service:8000/memory-warning"))
        out.warn.call = std::move(*call);
}

void read_signal(YamlReader& reader, const YamlNode& node, WarnDraft& out) {
    ++out.calls;
    const auto written = reader.text(node);
    if (!written) return;
    auto signal = parse_warn_signal(*written);
    if (!signal) {
        reader.error(node.at, YamlReader::named(node, *written) + " " + signal.message,
                     std::move(signal.hint));
        return;
    }
    out.warn.call = SignalCall{*signal.value};
}

void read_exec(YamlReader& reader, const YamlNode& node, WarnDraft& out) {
    ++out.calls;
    if (auto call = read_exec_call(reader, node, "[ /app/shed-caches, --now ]"))
        out.warn.call = std::move(*call);
}

void read_warn(YamlReader& reader, const YamlNode& node, NearOom& out) {
    WarnDraft draft;
    const bool clean = read_fields(reader, node, warn_fields(), draft);
    if (node.kind != YamlNode::Kind::kMap) return;
    if (find_key(node, "when") == nullptr) {
        reader.error(node.at, "'warn' does not say when",
                     "for example: when: { all: [ { unreclaimable: 75% }, { eta: 30s } ] }");
    }
    if (draft.calls != 1) {
        reader.error(node.at,
                     draft.calls == 0 ? "'warn' does not say how" : "'warn' has more than one way to call",
                     "give one of http, signal and exec");
    } else if (const auto* timeout = find_key(node, "timeout"); timeout && find_key(node, "signal")) {
        reader.error(timeout->at, "'timeout' has no meaning for a signal: nobody answers it", "remove it");
    }
    if (clean) out.warn = std::move(draft.warn);
}

void read_do(YamlReader& reader, const YamlNode& node, NearOom& out) {
    static constexpr std::array<std::string_view, 6> kActions{"graceful_restart", "kill", "notify",
                                                              "recycle",          "auto", "hold"};
    const auto index = reader.choice(node, kActions);
    if (index) out.action = static_cast<NearOomAction>(*index);
}

void read_grace(YamlReader& reader, const YamlNode& node, Drain& out) {
    const auto written = reader.text(node);
    if (!written) return;
    if (*written == "from_container") {
        out.grace.reset();
    } else if (written->empty() || written->front() < '0' || written->front() > '9') {
        reader.error(node.at,
                     YamlReader::named(node, *written) + " is neither 'from_container' nor a duration",
                     "from_container takes the service's stop_grace_period");
    } else {
        milliseconds grace{0};
        reader.duration(node, grace);
        out.grace = grace;
    }
}

void read_on_timeout(YamlReader& reader, const YamlNode& node, Drain&) {
    // One word for now, and the default; written out, it tells the reader of the policy what will happen.
    static constexpr std::array<std::string_view, 1> kWays{"kill"};
    reader.choice(node, kWays);
}

}  // namespace

const Fields<WarnDraft>& warn_fields() {
    static constexpr std::array<Field<WarnDraft>, 6> kFields{{
        {"when",
         [](YamlReader& r, const YamlNode& n, WarnDraft& out) { read_condition(r, n, out.warn.when); }},
        {"http", read_http},
        {"signal", read_signal},
        {"exec", read_exec},
        {"timeout", [](YamlReader& r, const YamlNode& n,
                       WarnDraft& out) { r.duration(n, out.warn.timeout, kLongestWarning); }},
        {"every", [](YamlReader& r, const YamlNode& n, WarnDraft& out) { r.duration(n, out.warn.every); }},
    }};
    static const auto table =
        make_fields<WarnDraft>("warn", "services.<name>.near_oom.warn",
                               "{ when: { unreclaimable: 75% }, signal: SIGUSR1 }", kFields);
    return table;
}

const Fields<Brake>& brake_fields() {
    static constexpr std::array<Field<Brake>, 2> kFields{{
        {"docker_timeout", [](YamlReader& r, const YamlNode& n,
                              Brake& out) { r.duration(n, out.docker_timeout, kLongestBrake); }},
        {"hold_timeout", [](YamlReader& r, const YamlNode& n,
                            Brake& out) { r.duration(n, out.hold_timeout, kLongestBrake); }},
    }};
    static const auto table = make_fields<Brake>("brake", "services.<name>.near_oom.brake",
                                                 "{ docker_timeout: 2s, hold_timeout: 1s }", kFields);
    return table;
}

const Fields<Drain>& drain_fields() {
    static constexpr std::array<Field<Drain>, 2> kFields{{
        {"grace", read_grace},
        {"on_timeout", read_on_timeout},
    }};
    static const auto table = make_fields<Drain>("drain", "services.<name>.near_oom.drain",
                                                 "{ grace: from_container, on_timeout: kill }", kFields);
    return table;
}

const Fields<NearOom>& near_oom_fields() {
    static constexpr std::array<Field<NearOom>, 8> kFields{{
        {"when", [](YamlReader& r, const YamlNode& n, NearOom& out) { read_condition(r, n, out.when); }},
        {"warn", read_warn},
        {"do", read_do},
        {"brake", [](YamlReader& r, const YamlNode& n,
                     NearOom& out) { read_fields(r, n, brake_fields(), out.brake); }},
        {"drain", [](YamlReader& r, const YamlNode& n,
                     NearOom& out) { read_fields(r, n, drain_fields(), out.drain); }},
        {"recycle", [](YamlReader& r, const YamlNode& n,
                       NearOom& out) { read_fields(r, n, recycle_fields(), out.recycle); }},
        {"loan", [](YamlReader& r, const YamlNode& n,
                    NearOom& out) { read_optional_size(r, n, out.loan, Zero::kRefused); }},
        {"drain_hook", read_drain_hook},
    }};
    static const auto table =
        make_fields<NearOom>("near_oom", "services.<name>.near_oom",
                             "{ when: { unreclaimable: 90% }, do: graceful_restart }", kFields);
    return table;
}

void read_near_oom(YamlReader& reader, const YamlNode& node, NearOom& out) {
    read_fields(reader, node, near_oom_fields(), out);
}

}  // namespace policies
