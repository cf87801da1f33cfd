// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/inbox.hpp"

#include <algorithm>
#include <iterator>

namespace governor::journal {
namespace {

Stored as_stored(const publish::Published& published) {
    const auto& record = published.record;
    return {record.sequence,
            std::chrono::floor<std::chrono::milliseconds>(record.time),
            record.type,
            record.subject->project,
            record.subject->service,
            record.subject->name,
            published.json};
}

}  // namespace

void Inbox::add(publish::PublishedPtr event) {
    if (!waiting_.empty() && waiting_.size() + taken_.events.size() >= capacity_) {
        waiting_.pop_front();
        ++dropped_;
        ++dropped_in_all_;
    }
    waiting_.push_back(std::move(event));
}

void Inbox::add(DeadLetter letter) {
    if (dead_.size() >= capacity_) dead_.pop_front();
    dead_.push_back(std::move(letter));
}

void Inbox::set_cursor(const std::string& name, std::uint64_t position) {
    auto& waiting = cursors_[name];
    waiting = std::max(position, waiting);
}

void Inbox::keep_cursors(std::set<std::string> names) {
    std::erase_if(cursors_, [&](const auto& each) { return !names.contains(each.first); });
    kept_ = std::move(names);
}

Batch Inbox::take(std::size_t limit) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(limit, waiting_.size()));
    taken_.events.assign(waiting_.begin(), waiting_.begin() + count);
    waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    taken_.kept_cursors = kept_;
    taken_.cursors = cursors_;
    taken_.dead.assign(dead_.begin(), dead_.end());
    dead_.clear();
    return taken_;
}

void Inbox::settle(bool stored) {
    Batch batch = std::exchange(taken_, {});
    if (stored) {
        // A cursor that was moved again meanwhile still waits.
        for (const auto& [name, position] : batch.cursors)
            if (const auto found = cursors_.find(name); found != cursors_.end() && found->second == position)
                cursors_.erase(found);
        if (kept_ == batch.kept_cursors) kept_.reset();
        return;
    }
    waiting_.insert(waiting_.begin(), batch.events.begin(), batch.events.end());
    dead_.insert(dead_.begin(), batch.dead.begin(), batch.dead.end());
}

bool Inbox::empty() const {
    return waiting_.empty() && cursors_.empty() && !kept_ && dead_.empty();
}

std::uint64_t Inbox::take_dropped() {
    return std::exchange(dropped_, 0);
}

std::optional<std::uint64_t> Inbox::cursor(const std::string& name) const {
    const auto found = cursors_.find(name);
    if (found == cursors_.end()) return std::nullopt;
    return found->second;
}

std::vector<Stored> Inbox::find(const Query& query) const {
    std::vector<Stored> out;
    for (const auto& published : waiting_)
        if (query.matches(published->record)) out.push_back(as_stored(*published));
    if (out.size() > query.limit) {
        const auto surplus = static_cast<std::ptrdiff_t>(out.size() - query.limit);
        if (query.newest) {
            out.erase(out.begin(), out.begin() + surplus);
        } else {
            out.erase(out.end() - surplus, out.end());
        }
    }
    return out;
}

}  // namespace governor::journal
