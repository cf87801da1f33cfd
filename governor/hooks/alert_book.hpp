// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/hooks/alert_kinds.hpp"
#include "governor/hooks/body.hpp"
#include "governor/journal/event_store.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace governor::hooks {

/// Which alerts fire, for Alertmanager's API v2 (POST /api/v2/alerts). Pure: it makes the bodies and is told
/// what was sent; time comes in. Not thread-safe.
///
/// - An alert's identity are its labels: alertname, severity, host, service, project, container, policy, and
///   what AlertKind::labels says. The same again while it fires is the same alert.
/// - An OOM kill is one alert, OOMKilled, from `oom_verdict`, which knows verdict and process (labels
/// `verdict`,
///   `culprit`). The `oom_killed` before it is held back for kVerdictWithin and becomes the alert only if no
///   verdict comes; should one come later still, it replaces that alert.
/// - An alert ends as its Ending says, then fires on for `resolve_after`: Alertmanager tells nobody of an
/// alert
///   that is over before its group_wait is. For the same reason one that could not be sent while it fired is
///   sent as firing first, however late.
/// - What a container's alert waits for may never come (it was removed): after kGoneAfter it is over. Not so
///   quarantine, caps and what the governor itself is in: these are told when they end.
class AlertBook {
  public:
    using Moment = publish::Moment;

    static constexpr std::chrono::milliseconds kVerdictWithin{5'000};
    static constexpr std::chrono::milliseconds kGoneAfter{24 * 3'600'000};
    /// More are not remembered: the one that happened longest ago gives way. Process names are labels, and a
    /// container can think up any number of them.
    static constexpr std::size_t kMost = 500;

    struct Settings {
        Origin origin;
        std::chrono::milliseconds resend{60'000};          ///< how often a firing alert is sent again
        std::chrono::milliseconds resolve_after{300'000};  ///< so long it fires on after its end
    };
    explicit AlertBook(Settings settings) : settings_(std::move(settings)) {}

    /// Takes in an event: what it ends, and, if it `raises` (the hook subscribed to it and to its service),
    /// what it raises. In the order of ids; one that is not newer than the last is passed over, so that it
    /// may come again. After a restart the past events of the journal rebuild the book, then replayed()
    /// closes that.
    void apply(const journal::Stored& event, bool raises);

    /// What was applied so far was sent by an earlier process, as far as it was due then. `now`: the wall
    /// clock.
    void replayed(Moment now);

    /// Alerts to send together.
    struct Batch {
        struct Entry {
            std::string key;
            std::uint64_t version = 0;  ///< of what is told in it
            bool resolved = false;
        };
        std::vector<Entry> entries;
        std::string body;            ///< JSON, application/json
        std::uint64_t event_id = 0;  ///< the last event told in it
        bool empty() const { return entries.empty(); }
    };
    /// What is to be sent at `now`: what is new, what fires and was sent `resend` ago or longer, what is
    /// over. Changes nothing that is sent: after a failure, ask again when you wish.
    Batch due(Moment now) const;

    /// The batch has arrived at `now`, or is given up for good. What happened meanwhile remains due.
    void sent(const Batch& batch, Moment now);

    /// The wall clock was set: by so much forwards, or backwards. What is remembered is as old as before.
    void clock_set(std::chrono::milliseconds jump);

    /// When due() will next have something; a time that is past: at once; nothing: not before an event does.
    std::optional<Moment> next_due() const;

    /// Alerts that fire or are not yet told to be over.
    std::size_t size() const { return alerts_.size(); }

  private:
    using Labels = std::map<std::string, std::string>;
    struct Alert {
        AlertKind kind;
        Labels labels;
        std::string container;     ///< its key, see place_of()
        std::string container_id;  ///< of the last occurrence
        std::string summary;
        std::string description;
        std::uint64_t event_id = 0;
        Moment since;                       ///< it fires since
        Moment last;                        ///< it happened last
        std::optional<Moment> over;         ///< what ends it happened
        std::optional<Moment> held_until;   ///< not to be sent before
        std::optional<Moment> replaced_at;  ///< over at once, another alert tells it better
        std::optional<Moment> told;         ///< first sent while it fired
        std::optional<Moment> sent_last;
        std::uint64_t version = 0;
        std::uint64_t sent_version = 0;
    };
    /// What is known of a container beside its alerts.
    struct Place {
        std::int64_t back_ns = -1;  ///< CLOCK_MONOTONIC of when it was back last
        bool down = false;          ///< it ended and is not back
        bool left_alone = false;    ///< the last thing: somebody else stops it
    };

    std::optional<Moment> resolves_at(const Alert& alert) const;
    std::optional<Moment> due_at(const Alert& alert) const;
    void end(const nlohmann::json& event, Moment at);
    bool ends(const Alert& alert, const nlohmann::json& event, std::string_view type, bool same) const;
    void note(const nlohmann::json& event);
    void raise(const nlohmann::json& event, const AlertKind& kind, Moment at);
    bool verdict_told(const std::string& container, Moment at) const;
    void verdict_replaces(const std::string& container, Moment at);
    bool over_at_once(const nlohmann::json& event, const AlertKind& kind) const;
    Labels labels_of(const nlohmann::json& event, const AlertKind& kind) const;
    void make_room();
    nlohmann::json render(const Alert& alert, Moment now) const;

    Settings settings_;
    std::map<std::string, Alert> alerts_;  ///< by their labels
    std::map<std::string, Place> places_;
    std::uint64_t last_id_ = 0;
};

}  // namespace governor::hooks
