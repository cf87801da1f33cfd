// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/hooks.hpp"

#include "governor/hooks/exec.hpp"
#include "governor/hooks/messages.hpp"
#include "governor/hooks/webhook.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

namespace governor::hooks {
namespace {

/// libcurl looks once a second whether it is to stop; a program is killed within a tenth of that.
constexpr std::chrono::milliseconds kLastWait{1'500};
constexpr std::chrono::milliseconds kLastGlance{10};

std::string kind_of(const policies::Hook& hook) {
    return std::holds_alternative<policies::Webhook>(hook.target) ? "webhook" : "exec";
}

std::unique_ptr<Transport> transport_of(const policies::Hook& hook, const std::string& proc) {
    if (const auto* webhook = std::get_if<policies::Webhook>(&hook.target))
        return std::make_unique<WebhookTransport>(*webhook);
    return std::make_unique<ExecTransport>(std::get<policies::ExecHook>(hook.target), proc);
}

/// Calls `then` on the loop after `wait`; the timer lives as long as the loop.
void call_later(const boost::asio::any_io_executor& loop, std::chrono::milliseconds wait,
                std::function<void()> then) {
    auto timer = std::make_shared<boost::asio::steady_timer>(loop, wait);
    timer->async_wait([timer, then = std::move(then)](const boost::system::error_code& code) {
        if (!code) then();
    });
}

}  // namespace

Hooks::~Hooks() {
    for (const auto& [name, entry] : entries_) parts_.metrics.forget_queue({"hook", name});
    entries_.clear();
    const auto until = std::chrono::steady_clock::now() + kLastWait;
    const auto running = [](const std::weak_ptr<const void>& thread) { return !thread.expired(); };
    while (std::ranges::any_of(threads_, running) && std::chrono::steady_clock::now() < until)
        std::this_thread::sleep_for(kLastGlance);
}

void Hooks::use(const std::vector<policies::Hook>& hooks) {
    std::set<std::string> wanted;
    for (const policies::Hook& hook : hooks) wanted.insert(hook.name);
    std::erase_if(entries_, [&](const auto& each) {
        if (wanted.contains(each.first)) return false;
        parts_.metrics.forget_queue({"hook", each.first});
        return true;
    });
    parts_.cursors.keep_cursors(std::move(wanted));
    for (const policies::Hook& hook : hooks) {
        Entry& entry = entries_[hook.name];
        if (entry.courier && entry.hook == hook) continue;
        // The old one first: it may be in the middle of an attempt, and the new one begins with that event.
        entry.courier.reset();
        entry.hook = hook;
        entry.courier = make_courier(hook);
        parts_.metrics.watch_queue({"hook", hook.name}, [courier = entry.courier.get()] {
            return metrics::QueueState{courier->waiting(), courier->counts().undelivered};
        });
        entry.courier->start();
    }
}

std::unique_ptr<Courier> Hooks::make_courier(const policies::Hook& hook) {
    auto carrier = std::make_unique<ThreadCarrier>(parts_.loop, transport_of(hook, parts_.proc));
    std::erase_if(threads_, [](const auto& thread) { return thread.expired(); });
    threads_.push_back(carrier->thread());
    auto tell = [this](const std::string& type, const std::string& detail) {
        publish::Record record;
        record.type = type;
        record.detail = detail;
        parts_.publisher.publish(record);
        return parts_.publisher.last_sequence();
    };
    Messages messages = make_messages(hook, {parts_.host, GOVERNOR_VERSION}, parts_.clock);
    return std::make_unique<Courier>(Courier::Parts{
        .target = hook.name,
        .types = types_of(hook),
        .retry = hook.retry,
        .store = parts_.store,
        .cursors = parts_.cursors,
        .dead = parts_.dead,
        .carrier = std::move(carrier),
        .content = std::move(messages.content),
        .replay = std::move(messages.replay),
        .clock = parts_.clock,
        .wall = [] { return std::chrono::system_clock::now(); },
        .chance = [this] { return std::uniform_real_distribution<double>(0, 1)(chance_); },
        .later = [loop = parts_.loop](
                     std::chrono::milliseconds wait,
                     std::function<void()> then) { call_later(loop, wait, std::move(then)); },
        .tell = std::move(tell),
        .count = [this, name = hook.name](
                     std::string_view result) { parts_.metrics.count_delivery(name, result); }});
}

nlohmann::json Hooks::describe() const {
    auto out = nlohmann::json::array();
    for (const auto& [name, entry] : entries_) {
        const Courier& courier = *entry.courier;
        nlohmann::json one{{"name", name},
                           {"kind", kind_of(entry.hook)},
                           {"state", courier.failing() ? "failing" : "good"},
                           {"delivered", courier.counts().delivered},
                           {"failed", courier.counts().failed},
                           {"undelivered", courier.counts().undelivered},
                           {"waiting", courier.waiting()}};
        if (!courier.last_error().empty()) one["last_error"] = courier.last_error();
        out.push_back(std::move(one));
    }
    return out;
}

}  // namespace governor::hooks
