// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/event_schema.hpp"

#include "governor/publish/names.hpp"
#include "policies/event_names.hpp"
#include "policies/holders.hpp"

#include <initializer_list>
#include <utility>

namespace governor::publish {
namespace {

using nlohmann::ordered_json;
using Schema = ordered_json;

Schema about(Schema schema, const char* description) {
    schema["description"] = description;
    return schema;
}

Schema text() {
    return {{"type", "string"}};
}
Schema flag() {
    return {{"type", "boolean"}};
}
Schema whole() {
    return {{"type", "integer"}};
}
Schema from_zero() {
    return {{"type", "integer"}, {"minimum", 0}};
}
/// Milliseconds may have a fraction.
Schema milliseconds() {
    return {{"type", "number"}};
}
/// Bytes; null is "no limit".
Schema size() {
    return {{"type", {"integer", "null"}}, {"minimum", 0}};
}
Schema one_of(std::vector<std::string> names) {
    return {{"enum", std::move(names)}};
}

/// The names of an enumeration but for its first, which is left out of events.
template <class Enum>
Schema one_of_rest() {
    auto names = names_of<Enum>();
    names.erase(names.begin());
    return one_of(std::move(names));
}

Schema object(std::initializer_list<std::pair<const char*, Schema>> properties,
              const std::vector<std::string>& required = {}) {
    Schema out{{"type", "object"}, {"additionalProperties", false}};
    if (!required.empty()) out["required"] = required;
    for (const auto& [name, schema] : properties) out["properties"][name] = schema;
    return out;
}

Schema quantity() {
    Schema out = object({{"bytes", about(from_zero(), "An amount of memory.")},
                         {"ms", about(milliseconds(), "A time, in milliseconds.")},
                         {"permille", about(whole(), "A share, in thousandths.")},
                         {"count", about(whole(), "A number of things.")},
                         {"text", about(text(), "The same for a person, with its unit.")}},
                        {"text"});
    // The text and exactly one value.
    out["minProperties"] = 2;
    out["maxProperties"] = 2;
    return out;
}

Schema container() {
    return object({{"id", about(text(), "Docker's id.")},
                   {"name", about(text(), "Its name.")},
                   {"image", about(text(), "Its image.")},
                   {"number", about(whole(), "Compose's number of the replica, from 1.")}});
}

Schema reason() {
    return object({{"rule", about(one_of(names_of<policies::Rule>()), "The rule that held.")},
                   {"measured", about({{"$ref", "#/$defs/quantity"}}, "What was measured.")},
                   {"threshold", about({{"$ref", "#/$defs/quantity"}}, "Against what.")},
                   {"window_ms", about(milliseconds(), "Over which time, in milliseconds.")}},
                  {"rule"});
}

Schema memory() {
    return object(
        {{"current", about(size(), "memory.current: all that is charged to it, in bytes.")},
         {"unreclaimable", about(size(), "What reclaim cannot give back, in bytes.")},
         {"hard", about(size(), "memory.max in bytes; null: no limit.")},
         {"limit",
          about(size(),
                "Given when a limit above the container binds: what its unreclaimable memory can come "
                "to before that limit is reached, in bytes.")},
         {"bound_by", about(text(), "The cgroup above the container whose limit binds.")},
         {"tripwire", about(size(), "memory.high in bytes; null: none.")},
         {"peak", about(size(), "Highest unreclaimable memory in this life of the container, in bytes.")},
         {"growth_per_s", about(whole(), "Growth of unreclaimable memory, in bytes per second.")},
         {"eta_ms", about(milliseconds(), "Time to the limit that binds at that growth, in milliseconds.")}});
}

Schema away() {
    return object(
        {{"stop_ms", about(milliseconds(), "From the stop signal to the exit, in milliseconds.")},
         {"docker_ms",
          about(milliseconds(), "From the exit to the start of the new main process, in milliseconds.")},
         {"start_ms", about(milliseconds(), "From there until its limits were on it, in milliseconds.")},
         {"healthy_ms",
          about(milliseconds(), "From there until its health check was healthy, in milliseconds.")}});
}

Schema victim() {
    return object({{"pid", about(whole(), "In the host's pid namespace.")},
                   {"comm", about(text(), "Its name, at most 15 bytes.")},
                   {"rss", about(from_zero(), "Its resident memory at the kill, in bytes.")},
                   {"oom_score_adj", about(whole(), "Its oom_score_adj at the kill.")},
                   {"main", about(flag(), "It was PID 1, so that the container died of it.")}},
                  {"main"});
}

Schema process_properties(const char* bytes) {
    return object(
        {{"pid", about(whole(), "In the host's pid namespace.")},
         {"comm", about(text(), "Its name, at most 15 bytes.")},
         {"bytes", about(from_zero(), bytes)},
         {"growth_per_s", about(whole(), "Its growth since the survey before, in bytes per second.")}},
        {"pid", "comm", "bytes"});
}

Schema holders() {
    Schema item = process_properties("What its end would free, in bytes.");
    item["properties"]["permille"] = about(from_zero(), "Of what all processes hold, in thousandths.");
    item["required"].push_back("permille");
    return {{"type", "array"}, {"items", std::move(item)}, {"maxItems", policies::Survey::kMost}};
}

Schema samples() {
    Schema item = object({{"before_ms", about(milliseconds(), "How long before the kill, in milliseconds.")},
                          {"current", about(from_zero(), "memory.current, in bytes.")},
                          {"unreclaimable", about(from_zero(), "What reclaim cannot give back, in bytes.")}},
                         {"before_ms", "current", "unreclaimable"});
    return {{"type", "array"}, {"items", std::move(item)}};
}

Schema properties() {
    using namespace policies;
    return object(
        {{"time", about({{"type", "string"}, {"format", "date-time"}}, "Wall clock, UTC, RFC 3339.")},
         {"id", about(from_zero(), "The event's number; grows, with gaps. 0: not stored.")},
         {"type", about(one_of(event_types()), "What happened.")},
         {"service", about(text(), "Compose's service; outside Compose the container's name.")},
         {"project", about(text(), "Compose's project.")},
         {"policy", about(text(), "Name of the policy that governs it.")},
         {"container", about(container(), "The container that it is about.")},
         {"reason", about(reason(), "Why: rule, measured value, threshold, window.")},
         {"memory", about(memory(), "The container's memory then.")},
         {"outcome", about(one_of_rest<Outcome>(), "How the restart ended.")},
         {"via", about(one_of_rest<Via>(), "Who delivered the stop signal.")},
         {"exit_code", about(from_zero(), "Docker's exit code.")},
         {"stop_handling", about(one_of_rest<StopHandling>(), "What PID 1 does with its stop signal.")},
         {"brake_ms", about(milliseconds(), "From the trip to the thaw, in milliseconds.")},
         {"drain_ms", about(milliseconds(), "From the thaw to the exit, in milliseconds.")},
         {"total_ms", about(milliseconds(), "From the trip until it was back, in milliseconds.")},
         {"away", about(away(), "Where the time of the restart went.")},
         {"count", about(whole(), "Restarts in the breaker's window, or OOM kills.")},
         {"frozen", about(flag(), "It stands still.")},
         {"process",
          about(process_properties("What its end frees, in bytes."), "The process that is recycled.")},
         {"freed", about(from_zero(), "By the end of that process, in bytes.")},
         {"holders", about(holders(), "The largest processes at the last survey, largest first.")},
         {"file", about(text(), "The cgroup's file that it is about, such as memory.min.")},
         {"cause", about(text(), "What probably changed the file, or who took the host's memory.")},
         {"verdict", about(one_of_rest<Verdict>(), "What killed it.")},
         {"evidence", about({{"type", "array"},
                             {"items", one_of(names_of<Evidence>())},
                             {"minItems", 1},
                             {"uniqueItems", true}},
                            "What the verdict rests on.")},
         {"victim", about(victim(), "The process that the OOM killer chose.")},
         {"docker_agrees", about(flag(), "Docker told of the same.")},
         {"monotonic_ns", about(whole(), "CLOCK_MONOTONIC of the decision, in nanoseconds.")},
         {"samples", about(samples(), "The last looks before an OOM kill, oldest first.")},
         {"detail", about(text(), "A sentence for a person.")}},
        {"time", "id", "type"});
}

}  // namespace

const std::vector<std::string>& event_types() {
    static const std::vector<std::string> types{policies::event_type_names().begin(),
                                                policies::event_type_names().end()};
    return types;
}

nlohmann::ordered_json event_schema() {
    ordered_json out{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                     {"$id", "https://governor.invalid/event-v1.schema.json"},
                     {"title", "An event of the governor"}};
    out.update(properties());
    out["$defs"]["quantity"] = quantity();
    return out;
}

}  // namespace governor::publish
