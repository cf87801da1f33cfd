// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/event_lines.hpp"

#include <algorithm>
#include <utility>

namespace governor::docker {
namespace {

constexpr std::size_t kRemembered = 512;
constexpr std::int64_t kOverlapNanos = 100'000'000;
constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::size_t kNanosDigits = 9;

}  // namespace

void LineSplitter::feed(std::string_view piece) {
    while (!piece.empty()) {
        const std::size_t newline = piece.find('\n');
        const std::string_view part = piece.substr(0, newline);
        if (!dropping_ && current_.size() + part.size() > max_line_) {
            dropping_ = true;
            ++dropped_lines_;
            current_ = std::string();
        }
        if (!dropping_) current_ += part;
        if (newline == std::string_view::npos) return;
        piece.remove_prefix(newline + 1);
        finish_line();
    }
}

void LineSplitter::finish_line() {
    const bool blank = current_.find_first_not_of(" \t\r") == std::string::npos;
    if (!dropping_ && !blank) {
        if (current_.back() == '\r') current_.pop_back();
        lines_.push_back(std::move(current_));
    }
    current_.clear();
    dropping_ = false;
}

std::optional<std::string> LineSplitter::next() {
    if (lines_.empty()) return std::nullopt;
    std::string line = std::move(lines_.front());
    lines_.pop_front();
    return line;
}

bool ResumePoint::accept(const Event& event) {
    const bool seen = std::any_of(seen_.rbegin(), seen_.rend(), [&event](const Key& key) {
        return key.time_nano == event.time_nano && key.actor_id == event.actor_id &&
               key.action == event.action;
    });
    if (seen) return false;
    seen_.push_back(Key{event.time_nano, event.actor_id, event.action});
    if (seen_.size() > kRemembered) seen_.pop_front();
    since_ = event.time_nano - kOverlapNanos;
    return true;
}

std::string format_since(std::int64_t time_nano) {
    const std::int64_t nanos = std::max<std::int64_t>(time_nano, 0);
    std::string fraction = std::to_string(nanos % kNanosPerSecond);
    fraction.insert(0, kNanosDigits - fraction.size(), '0');
    return std::to_string(nanos / kNanosPerSecond) + "." + fraction;
}

std::chrono::milliseconds Backoff::next() {
    const std::chrono::milliseconds now = next_;
    next_ = std::min(next_ * 2, to_);
    return now;
}

}  // namespace governor::docker
