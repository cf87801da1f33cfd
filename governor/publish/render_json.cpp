// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/render.hpp"

#include <array>
#include <cstdio>
#include <ctime>

namespace governor::publish {
namespace {

using nlohmann::json;

void put(json& out, const char* key, const std::string& text) {
    if (!text.empty()) out[key] = text;
}

void put(json& out, const char* key, policies::Bytes bytes) {
    if (bytes == policies::kUnlimited) {
        out[key] = nullptr;
    } else if (bytes.value != 0) {
        out[key] = bytes.value;
    }
}

/// Whole milliseconds stay integers, so that most readers never meet a fraction.
json milliseconds_of(policies::Duration duration) {
    constexpr std::int64_t kNanosPerMilli = 1'000'000;
    const auto nanos = duration.count();
    if (nanos % kNanosPerMilli == 0) return nanos / kNanosPerMilli;
    return static_cast<double>(nanos / 1000) / 1000.0;
}

void put(json& out, const char* key, policies::Duration duration) {
    if (duration.count() != 0 && duration != policies::Duration::max()) out[key] = milliseconds_of(duration);
}

json quantity_to_json(const policies::Quantity& quantity) {
    using Kind = policies::Quantity::Kind;
    switch (quantity.kind) {
        case Kind::kBytes:
            return {{"bytes", quantity.value},
                    {"text", to_string(policies::Bytes{static_cast<std::uint64_t>(quantity.value)})}};
        case Kind::kDuration:
            return {{"ms", milliseconds_of(policies::Duration(quantity.value))},
                    {"text", policies::to_string(policies::Duration(quantity.value))}};
        case Kind::kPermille:
            return {{"permille", quantity.value},
                    {"text", to_string(policies::Permille{static_cast<std::int32_t>(quantity.value)})}};
        case Kind::kCount:
            return {{"count", quantity.value}, {"text", std::to_string(quantity.value)}};
        case Kind::kNone:
            break;
    }
    return nullptr;
}

void put_reason(json& out, const policies::Reason& reason) {
    if (reason == policies::Reason{}) return;
    json& rendered = out["reason"];
    rendered["rule"] = to_string(reason.rule);
    if (reason.measured.kind != policies::Quantity::Kind::kNone)
        rendered["measured"] = quantity_to_json(reason.measured);
    if (reason.threshold.kind != policies::Quantity::Kind::kNone)
        rendered["threshold"] = quantity_to_json(reason.threshold);
    put(rendered, "window_ms", reason.window);
}

void put_memory(json& out, const policies::Event& event, const std::string& bound_by) {
    json memory = json::object();
    put(memory, "current", event.current);
    put(memory, "unreclaimable", event.unreclaimable);
    put(memory, "hard", event.hard);
    if (!bound_by.empty()) {
        put(memory, "limit", event.limit);
        put(memory, "bound_by", bound_by);
    }
    put(memory, "tripwire", event.tripwire);
    put(memory, "peak", event.peak);
    if (event.growth != 0) memory["growth_per_s"] = event.growth;
    put(memory, "eta_ms", event.eta);
    if (!memory.empty()) out["memory"] = std::move(memory);
}

void put_victim(json& out, const policies::Victim& victim) {
    if (victim == policies::Victim{}) return;
    json& rendered = out["victim"];
    if (victim.pid != 0) {
        rendered["pid"] = victim.pid;
        rendered["comm"] = victim.name();
        rendered["rss"] = victim.rss.value;
        rendered["oom_score_adj"] = victim.oom_score_adj;
    }
    rendered["main"] = victim.main;
}

json process_to_json(const policies::Holder& process) {
    json out = {{"pid", process.pid}, {"comm", process.name()}, {"bytes", process.bytes.value}};
    if (process.growth != 0) out["growth_per_s"] = process.growth;
    return out;
}

/// Largest first, each with its share of what all processes hold.
void put_holders(json& out, const policies::Survey& survey) {
    for (const policies::Holder& holder : survey.holders()) {
        json one = process_to_json(holder);
        one["permille"] = survey.share(holder).value;
        out["holders"].push_back(std::move(one));
    }
}

void put_verdict(json& out, const policies::Event& event) {
    if (event.verdict != policies::Verdict::kNone) out["verdict"] = to_string(event.verdict);
    for (int i = 0; i < policies::EvidenceSet::kSize; ++i) {
        const auto one = static_cast<policies::Evidence>(i);
        if (event.evidence.has(one)) out["evidence"].push_back(to_string(one));
    }
    put_victim(out, event.victim);
    if (event.docker_agrees) out["docker_agrees"] = *event.docker_agrees;
}

/// That it was healthy at once is something else than that its health is not known.
void put_away(json& out, const policies::Event& event) {
    json away = json::object();
    put(away, "stop_ms", event.away.stop);
    put(away, "docker_ms", event.away.docker);
    put(away, "start_ms", event.away.start);
    if (event.type == policies::EventType::kAvailableAgain)
        away["healthy_ms"] = milliseconds_of(event.away.healthy);
    if (!away.empty()) out["away"] = std::move(away);
}

void put_event(json& out, const policies::Event& event, const std::string& bound_by) {
    put_reason(out, event.reason);
    put_memory(out, event, bound_by);
    if (event.outcome != policies::Outcome::kNone) out["outcome"] = to_string(event.outcome);
    if (event.via != policies::Via::kNone) out["via"] = to_string(event.via);
    if (event.exit_code >= 0) out["exit_code"] = event.exit_code;
    if (event.stop_handling != policies::StopHandling::kUnknown)
        out["stop_handling"] = to_string(event.stop_handling);
    put(out, "brake_ms", event.brake);
    put(out, "drain_ms", event.drain);
    put(out, "total_ms", event.total);
    put_away(out, event);
    if (event.count != 0) out["count"] = event.count;
    if (event.frozen) out["frozen"] = true;
    if (event.process.pid != 0) out["process"] = process_to_json(event.process);
    if (event.freed.value != 0) out["freed"] = event.freed.value;
    put(out, "file", std::string(event.file));
    put(out, "cause", std::string(event.cause));
    put_verdict(out, event);
    out["monotonic_ns"] = event.at.time_since_epoch().count();
}

void put_subject(json& out, const Subject& subject) {
    put(out, "service", subject.service);
    put(out, "project", subject.project);
    put(out, "policy", subject.policy);
    json container = json::object();
    put(container, "id", subject.id);
    put(container, "name", subject.name);
    put(container, "image", subject.image);
    if (subject.number != 0) container["number"] = subject.number;
    if (!container.empty()) out["container"] = std::move(container);
}

}  // namespace

std::string rfc3339(std::chrono::system_clock::time_point time) {
    using std::chrono::floor;
    const auto seconds = floor<std::chrono::seconds>(time);
    const auto millis = floor<std::chrono::milliseconds>(time - seconds).count();
    const std::time_t since_epoch = std::chrono::system_clock::to_time_t(seconds);
    std::tm parts{};
    ::gmtime_r(&since_epoch, &parts);
    std::array<char, 64> text{};
    const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(millis));
    return std::string(text.data(), length) + fraction.data();
}

nlohmann::json to_json(const Record& record) {
    json out = json::object();
    out["time"] = rfc3339(record.time);
    out["id"] = record.sequence;
    out["type"] = record.type;
    put_subject(out, *record.subject);
    if (record.event) put_event(out, *record.event, record.bound_by);
    if (record.survey) put_holders(out, *record.survey);
    for (const LastSample& sample : record.samples)
        out["samples"].push_back({{"before_ms", milliseconds_of(sample.before)},
                                  {"current", sample.current.value},
                                  {"unreclaimable", sample.unreclaimable.value}});
    put(out, "detail", record.detail);
    return out;
}

std::string to_json_line(const Record& record) {
    return to_json(record).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace governor::publish
