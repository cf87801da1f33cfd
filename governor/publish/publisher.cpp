// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/publisher.hpp"

#include "governor/publish/journald.hpp"
#include "governor/publish/line_writer.hpp"
#include "governor/publish/render.hpp"

#include <algorithm>
#include <utility>

namespace governor::publish {

bool Filter::matches(const Record& record) const {
    if (record.sequence <= since) return false;
    if (!types.empty() && std::ranges::find(types, record.type) == types.end()) return false;
    const auto& subject = *record.subject;
    return service.empty() || service == subject.service || service == subject.name ||
           service == subject.project + "/" + subject.service;
}

PublishedPtr Subscription::next() {
    if (queue_.empty()) return nullptr;
    auto first = std::move(queue_.front());
    queue_.pop_front();
    return first;
}

Publisher::Publisher(WallClock clock, LineWriter* log, Options options)
    : clock_(std::move(clock)), log_(log), options_(std::move(options)) {}

void Publisher::publish(const Record& record) {
    auto published = std::make_shared<Published>();
    published->record = record;
    sequence_ = options_.next_id ? options_.next_id() : sequence_ + 1;
    published->record.sequence = sequence_;
    published->record.time = clock_();
    published->json = to_json_line(published->record);
    published->json.shrink_to_fit();  // a thousand of them are kept
    if (log_ != nullptr) {
        std::string line = options_.format == Format::kText ? to_text(published->record) : published->json;
        std::string entry = options_.journal ? journal_entry(published->record, line) : std::string();
        log_->write(std::move(line), std::move(entry));
    }
    const PublishedPtr shared = std::move(published);
    if (options_.store) options_.store(shared);
    kept_.push_back(shared);
    if (kept_.size() > options_.keep) kept_.pop_front();
    for (EventSink* sink : sinks_) sink->publish(shared->record);
    hand_out(shared);
}

void Publisher::hand_out(const PublishedPtr& published) {
    std::erase_if(subscribers_, [](const auto& subscriber) { return subscriber.expired(); });
    // `wake` may lead to an unsubscription in time, never within this loop: the shared pointers hold them.
    for (const auto& weak : subscribers_) {
        const auto subscriber = weak.lock();
        if (!subscriber || subscriber->overrun_ || !subscriber->filter_.matches(published->record)) continue;
        if (subscriber->queue_.size() >= options_.subscriber_queue) {
            subscriber->overrun_ = true;
        } else {
            subscriber->queue_.push_back(published);
        }
        if (subscriber->wake_) subscriber->wake_();
    }
}

std::vector<PublishedPtr> Publisher::recent(const Filter& filter, std::size_t limit) const {
    std::vector<PublishedPtr> found;
    for (auto each = kept_.rbegin(); each != kept_.rend() && found.size() < limit; ++each) {
        if ((*each)->record.sequence <= filter.since) break;
        if (filter.matches((*each)->record)) found.push_back(*each);
    }
    std::ranges::reverse(found);
    return found;
}

std::shared_ptr<Subscription> Publisher::subscribe(Filter filter, std::function<void()> wake) {
    auto subscription = std::make_shared<Subscription>();
    subscription->filter_ = std::move(filter);
    subscription->wake_ = std::move(wake);
    subscribers_.push_back(subscription);
    return subscription;
}

std::function<std::string(std::uint64_t)> gap_line(Publisher::Format format, Publisher::WallClock clock) {
    return [format, clock = std::move(clock)](std::uint64_t lost) {
        Record record;
        record.time = clock();
        record.type = "log_lines_lost";
        record.detail = std::to_string(lost) +
                        " lines were lost here: the reader of this log was too slow; `governor events` shows "
                        "the latest ones";
        return format == Publisher::Format::kText ? to_text(record) : to_json_line(record);
    };
}

}  // namespace governor::publish
