// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/plan.hpp"

#include "policies/quantity.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace governor::cli::compose {
namespace {

using policies::Bytes;

/// A size that the Compose file gives: as it is written, where, and what it means.
struct Written {
    std::string text;
    Position at;
    bool variable = false;         ///< "${LIMIT}": only `docker compose` knows
    std::optional<Bytes> value{};  ///< absent: a variable, or no size
    bool there() const { return !text.empty(); }
};

Written written(const Node& node) {
    Written out;
    out.text = node.text;
    out.at = node.at;
    out.variable = node.text.find('$') != std::string::npos;
    if (!out.variable) out.value = policies::parse_bytes(node.text).value;
    return out;
}

class Planner {
  public:
    Planner(const Project& project, const Service& service, const policies::ServicePolicy& policy)
        : project_(project), service_(service), policy_(policy) {
        limit_ = size_of("mem_limit", "limits");
        // Compose takes 0 as no limit.
        if (limit_.value == Bytes{}) limit_.value.reset();
    }

    Plan run(std::optional<Bytes> host_memory) {
        const Wanted wanted = wanted_of(policy_, limit_.value, host_memory);
        plan_.notes = wanted.notes;
        plan_.min = wanted.min;
        plan_.low = wanted.low;
        compare_annotations(wanted);
        compare_limit(wanted);
        compare_swap(wanted);
        compare_reservation(wanted);
        return std::move(plan_);
    }

  private:
    /// Own or taken over, in its short or its long form; not there when neither is.
    Written size_of(const char* key, std::string_view deploy_kind) const {
        if (const Setting found = project_.setting(service_, key)) return written(found.value());
        const Node* deploy = deploy_kind.empty() ? nullptr : project_.deploy_memory(service_, deploy_kind);
        return deploy == nullptr ? Written{} : written(*deploy);
    }

    void differs(std::string key, std::string found, std::string wanted, Position at, bool by_hand) {
        plan_.differences.push_back({.service = service_.name,
                                     .policy = policy_.name,
                                     .key = std::move(key),
                                     .found = std::move(found),
                                     .wanted = std::move(wanted),
                                     .at = at,
                                     .by_hand = by_hand});
    }

    void add_key(const char* key, const std::string& value) {
        differs(key, "", value, service_.key->at, false);
        plan_.edit.keys.emplace_back(key, value);
    }

    void compare_annotations(const Wanted& wanted) {
        const Found annotations = find(resolved(*service_.value), "annotations");
        std::map<std::string, std::string> there;
        if (annotations) there = words_of(annotations.value());
        for (const Property& property : wanted.properties) {
            plan_.tripwire |= property.name == "MemoryHigh";
            const auto found = there.find(property.key());
            if (found != there.end() && found->second == property.text()) continue;
            const bool missing = found == there.end();
            differs("annotations." + property.key(), missing ? "" : found->second, property.text(),
                    missing ? service_.key->at : annotations.entry->key->at, false);
            plan_.edit.annotations.emplace_back(property.key(), property.text());
        }
        for (const auto& [key, value] : there) {
            const bool ours = key.starts_with(std::string(kPrefix).append("Memory"));
            if (!ours || std::ranges::find(wanted.properties, key, &Property::key) != wanted.properties.end())
                continue;
            std::string text = key;
            plan_.notes.push_back(
                text.append(" (").append(value).append(") is not from its policy; it is left as it is"));
        }
    }

    void compare_limit(const Wanted& wanted) {
        if (!wanted.hard) return;
        const std::string size = compose_size(*wanted.hard);
        if (!limit_.there()) {
            if (!project_.extends_another_file(service_)) return add_key("mem_limit", size);
            plan_.notes.push_back(
                "whether it has a memory limit is not known, because it extends a service of another "
                "file: the policy says " +
                size);
        } else if (limit_.variable) {
            plan_.notes.push_back("its memory limit is a variable: " + limit_.text + " must be " + size);
        } else if (limit_.value != wanted.hard) {
            differs("mem_limit", limit_.text, size, limit_.at, true);
        }
    }

    /// With a memory limit, and no `memswap_limit`, Docker allows as much swap again, and sets it after
    /// systemd set the annotation's: only both together hold.
    void compare_swap(const Wanted& wanted) {
        if (!wanted.swap) return;
        const auto limit = limit_.there() ? limit_.value : wanted.hard;
        const bool limit_is_settled = !wanted.hard || limit == wanted.hard;
        if (!limit || !limit_is_settled) return;
        const std::string size = compose_size(*limit + *wanted.swap);
        const Written swap = size_of("memswap_limit", {});
        if (!swap.there()) {
            if (!project_.extends_another_file(service_)) add_key("memswap_limit", size);
        } else if (swap.variable) {
            plan_.notes.push_back("its memswap_limit is a variable: " + swap.text + " must be " + size);
        } else if (swap.value != *limit + *wanted.swap) {
            differs("memswap_limit", swap.text, size, swap.at, true);
        }
    }

    /// Docker writes a reservation of its own into memory.low, after systemd set the annotation's.
    void compare_reservation(const Wanted& wanted) {
        if (wanted.low == Bytes{}) return;
        const Written reservation = size_of("mem_reservation", "reservations");
        if (reservation.value && *reservation.value != Bytes{} && reservation.value != wanted.low)
            differs("mem_reservation", reservation.text, compose_size(wanted.low), reservation.at, true);
        if (reservation.variable)
            plan_.notes.push_back("its mem_reservation is a variable: " + reservation.text + " must be " +
                                  compose_size(wanted.low));
    }

    const Project& project_;
    const Service& service_;
    const policies::ServicePolicy& policy_;
    Written limit_;
    Plan plan_;
};

}  // namespace

Plan plan_of(const Project& project, const Service& service, const policies::ServicePolicy& policy,
             std::optional<Bytes> host_memory) {
    return Planner(project, service, policy).run(host_memory);
}

}  // namespace governor::cli::compose
