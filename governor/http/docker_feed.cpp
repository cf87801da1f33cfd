// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/docker_feed.hpp"

#include <utility>

namespace governor::http {

StreamedEventPtr FeedReader::next() {
    if (queue_.empty()) return nullptr;
    auto first = std::move(queue_.front());
    queue_.pop_front();
    bytes_ -= first->line.size();
    return first;
}

DockerFeed::DockerFeed(publish::Publisher& publisher, DaemonName daemon, FeedLimits limits)
    : daemon_(std::move(daemon)), limits_(limits) {
    // Taken at once: so a governor's event stands where it happened between Docker's.
    records_ = publisher.subscribe({}, [this] { take_records(); });
}

void DockerFeed::take_records() {
    while (const auto published = records_->next()) {
        if (!has_readers()) continue;
        hand_out(std::make_shared<const StreamedEvent>(to_docker_event(published->record, daemon_)));
    }
}

void DockerFeed::on_engine_event(const docker::Event& event, std::string_view line) {
    if (!has_readers()) return;
    hand_out(std::make_shared<const StreamedEvent>(StreamedEvent{event, std::string(line), 0}));
}

bool DockerFeed::has_readers() {
    std::erase_if(readers_, [](const auto& reader) { return reader.expired(); });
    return !readers_.empty();
}

void DockerFeed::hand_out(const StreamedEventPtr& event) {
    for (const auto& weak : readers_) {
        const auto reader = weak.lock();
        if (!reader || reader->overrun_ || !reader->filter_.matches(event->event)) continue;
        if (reader->queue_.size() >= limits_.events ||
            (!reader->queue_.empty() && reader->bytes_ + event->line.size() > limits_.bytes)) {
            reader->overrun_ = true;
            reader->queue_.clear();
            reader->bytes_ = 0;
        } else {
            reader->bytes_ += event->line.size();
            reader->queue_.push_back(event);
        }
        if (reader->wake_) reader->wake_(reader->overrun_);
    }
}

std::shared_ptr<FeedReader> DockerFeed::join(DockerFilter filter, FeedReader::Wake wake) {
    auto reader = std::make_shared<FeedReader>();
    reader->filter_ = std::move(filter);
    reader->wake_ = std::move(wake);
    readers_.push_back(reader);
    return reader;
}

}  // namespace governor::http
