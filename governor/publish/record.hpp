// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/shared_text.hpp"
#include "governor/publish/packed_labels.hpp"
#include "policies/event.hpp"
#include "policies/holders.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace governor::publish {

/// Which container an event is about. Empty for the governor's own events.
struct Subject {
    cgroups::SharedText id{};
    std::string name{};
    std::string image{};
    std::string project{};
    std::string service{};
    int number = 0;
    std::string policy{};  ///< name of the policy that governs it; empty: none
    /// The container's labels; null: not known. For what is shown in Docker's own form, and in no other.
    std::shared_ptr<const PackedLabels> labels = nullptr;
};

/// A subject that many hold: what is known of a container, what is remembered for it, every event about it.
/// Copying shares.
class SharedSubject {
  public:
    SharedSubject() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): a subject where a shared one is wanted means just this
    SharedSubject(Subject subject) : subject_(std::make_shared<const Subject>(std::move(subject))) {}

    const Subject& operator*() const;
    const Subject* operator->() const { return &**this; }
    /// Makes it another one: a copy to which `how` was done. Who shared the old one keeps that.
    template <class How>
    void change(const How& how) {
        Subject changed = **this;
        how(changed);
        *this = std::move(changed);
    }

  private:
    std::shared_ptr<const Subject> subject_;  ///< null: an empty one
};

/// A look at the container's memory, before what happened.
struct LastSample {
    policies::Duration before{0};
    policies::Bytes current;
    policies::Bytes unreclaimable;
};

/// One thing that happened, as it leaves the governor. Every output renders this and nothing else.
struct Record {
    std::uint64_t sequence = 0;  ///< the event's id: grows, see docs/events.md; set by the Publisher
    std::chrono::system_clock::time_point time;  ///< wall clock; set by the Publisher
    std::string type;  ///< policies::to_string(EventType), or the governor's own: "governor_started", …
    SharedSubject subject;
    std::optional<policies::Event>
        event;             ///< the decision's own fields; absent for the governor's own events
    std::string bound_by;  ///< the cgroup above the container whose limit binds; empty: its own limit
    /// The processes that held the most at the last survey, largest first; null: none was made.
    std::shared_ptr<const policies::Survey> survey;
    std::vector<LastSample> samples;  ///< the last ones before an OOM kill, oldest first
    std::string detail;  ///< one sentence for a person: an error's text, what to do; may be empty
};

/// Where records go.
class EventSink {
  public:
    EventSink() = default;
    EventSink(const EventSink&) = delete;
    EventSink& operator=(const EventSink&) = delete;
    virtual ~EventSink() = default;
    /// Called on the loop's thread; must not block.
    virtual void publish(const Record& record) = 0;
};

}  // namespace governor::publish
