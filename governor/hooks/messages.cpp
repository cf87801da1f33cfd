// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/messages.hpp"

#include "governor/hooks/alert_book.hpp"
#include "policies/event_names.hpp"
#include "policies/policy.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace governor::hooks {
namespace {

bool wants(const policies::Hook& hook, const journal::Stored& event) {
    if (!subscribed(hook.on, event.type)) return false;
    return hook.service.empty() || std::ranges::any_of(hook.service, [&](const std::string& glob) {
               return policies::glob_matches(glob, event.service);
           });
}

/// Each event by itself: to a program, or in all forms but Alertmanager's.
class EachEvent final : public Content {
  public:
    EachEvent(policies::Hook hook, Origin origin) : hook_(std::move(hook)), origin_(std::move(origin)) {}

    std::optional<Parcel> for_event(const journal::Stored& event, WallTime) override {
        if (!wants(hook_, event)) return std::nullopt;
        const auto* webhook = std::get_if<policies::Webhook>(&hook_.target);
        if (webhook == nullptr) return Parcel{event, {}, {}};
        Body body = render_body(*webhook, event, origin_);
        return Parcel{event, std::move(body.text), std::move(body.content_type)};
    }
    Due due(WallTime) override { return {}; }
    void settled(WallTime) override {}

  private:
    policies::Hook hook_;
    Origin origin_;
};

publish::Moment moment(Content::WallTime time) {
    return std::chrono::floor<publish::Moment::duration>(time);
}

/// Alerts: an event changes what fires, and what fires is told, and told again.
class Alerts final : public Content {
  public:
    Alerts(policies::Hook hook, const policies::Webhook& webhook, const Origin& origin, Clock clock)
        : hook_(std::move(hook)),
          clock_(std::move(clock)),
          book_({origin, webhook.resend, webhook.resolve_after}) {}

    std::optional<Parcel> for_event(const journal::Stored& event, WallTime now) override {
        follow(now);
        apply(event, now);
        return next(event, now);
    }
    Due due(WallTime now) override {
        follow(now);
        if (auto parcel = next({}, now)) return {std::move(parcel), std::nullopt};
        const auto at = book_.next_due();
        return {std::nullopt, at ? std::optional<WallTime>(*at) : std::nullopt};
    }
    void settled(WallTime now) override { book_.sent(std::exchange(batch_, {}), moment(now)); }

    void replay(const std::vector<journal::Stored>& past, WallTime now) {
        follow(now);
        for (const journal::Stored& event : past) apply(event, now);
        book_.replayed(moment(now));
    }

  private:
    /// What differs more is not drift: the wall clock was set, or the host slept.
    static constexpr std::chrono::seconds kSet{10};

    void follow(WallTime now) {
        const policies::TimePoint at = clock_();
        if (before_) {
            const auto jump = (now - before_->first) - (at - before_->second);
            if (std::chrono::abs(jump) > kSet)
                book_.clock_set(std::chrono::floor<std::chrono::milliseconds>(jump));
        }
        before_.emplace(now, at);
    }
    /// One that was stamped before the clock was set back happened now at the latest.
    void apply(journal::Stored event, WallTime now) {
        event.time = std::min(event.time, moment(now));
        book_.apply(event, wants(hook_, event));
    }
    std::optional<Parcel> next(const journal::Stored& event, WallTime now) {
        batch_ = book_.due(moment(now));
        if (batch_.empty()) return std::nullopt;
        return Parcel{event, batch_.body, "application/json"};
    }

    policies::Hook hook_;
    Clock clock_;
    std::optional<std::pair<WallTime, policies::TimePoint>> before_;  ///< both clocks at the last call
    AlertBook book_;
    AlertBook::Batch batch_;  ///< that was given out last
};

const policies::Webhook* alertmanager_of(const policies::Hook& hook) {
    const auto* webhook = std::get_if<policies::Webhook>(&hook.target);
    return webhook != nullptr && webhook->format == policies::HookFormat::kAlertmanager ? webhook : nullptr;
}

}  // namespace

std::vector<std::string> types_of(const policies::Hook& hook) {
    std::vector<std::string> out;
    for (const std::string_view type : policies::event_type_names())
        if (subscribed(hook.on, type) || (alertmanager_of(hook) != nullptr && is_recovery(type)))
            out.emplace_back(type);
    return out;
}

Messages make_messages(const policies::Hook& hook, const Origin& origin, Clock clock) {
    const auto* webhook = alertmanager_of(hook);
    if (webhook == nullptr) return {std::make_unique<EachEvent>(hook, origin), {}};
    auto alerts = std::make_unique<Alerts>(hook, *webhook, origin, std::move(clock));
    auto replay = [book = alerts.get()](const std::vector<journal::Stored>& past, Content::WallTime now) {
        book->replay(past, now);
    };
    return {std::move(alerts), std::move(replay)};
}

}  // namespace governor::hooks
