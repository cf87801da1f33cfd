// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/courier.hpp"

#include <algorithm>
#include <utility>

namespace governor::hooks {
namespace {

using std::chrono::milliseconds;

/// Of one answer of the journal.
constexpr std::size_t kPage = 100;
/// Of the past, for what depends on it: days of a stack in trouble.
constexpr std::size_t kPast = 2'000;
/// Events that nobody wants move the stored position only now and then: each move is a write to the disk.
constexpr std::uint64_t kIdleStride = 500;
/// The journal cannot be read: it tells of that itself.
constexpr milliseconds kReadAgain{10'000};
/// A courier remembers so many events of its own.
constexpr std::size_t kOwnEvents = 64;

}  // namespace

Courier::Courier(Parts parts) : parts_(std::move(parts)), attempts_(parts_.retry) {}

void Courier::start() {
    committed_ = parts_.store.on_committed([this](std::uint64_t up_to) {
        committed_up_to_ = std::max(committed_up_to_, up_to);
        more_ = true;
        go_on();
    });
    parts_.cursors.load_cursor(parts_.target, [this, alive = std::weak_ptr(alive_)](std::uint64_t after) {
        if (!alive.expired()) begin(after);
    });
}

void Courier::begin(std::uint64_t after) {
    after_ = kept_ = after;
    if (!parts_.replay) {
        loaded_ = true;
        return go_on();
    }
    journal::Query past;
    past.before = after + 1;
    past.types = parts_.types;
    past.limit = kPast;
    past.newest = true;
    parts_.store.read(std::move(past), [this, alive = std::weak_ptr(alive_)](const journal::Events& events) {
        if (alive.expired()) return;
        // A journal that cannot be read tells of that itself; what is to come matters more.
        parts_.replay(events ? *events : std::vector<journal::Stored>{}, parts_.wall());
        loaded_ = true;
        go_on();
    });
}

/// The one place that decides what is next; anything that happens ends up here.
void Courier::go_on() {
    if (!loaded_ || busy_) return;
    while (!queue_.empty()) {
        const journal::Stored& next = queue_.front();
        if (!own_.contains(next.id)) {
            if (auto parcel = parts_.content->for_event(next, parts_.wall())) {
                for_event_ = true;
                send(std::move(*parcel));
                return;
            }
        }
        passed(next.id);
        queue_.pop_front();
    }
    send_due();
    if (!busy_) fetch();
}

void Courier::fetch() {
    if (reading_ || !more_ || read_again_) return;
    reading_ = true;
    more_ = false;
    journal::Query query;
    query.after = after_;
    query.types = parts_.types;
    query.limit = kPage;
    parts_.store.read(std::move(query), [this, alive = std::weak_ptr(alive_),
                                         up_to = committed_up_to_](journal::Events events) {
        if (!alive.expired()) take(up_to, std::move(events));
    });
}

void Courier::take(std::uint64_t asked_up_to, journal::Events events) {
    reading_ = false;
    if (!events) {
        more_ = true;
        read_again_ = true;
        later(kReadAgain, &Courier::read_again);
        return;
    }
    if (events->size() == kPage) {
        more_ = true;
    } else if (events->empty() && asked_up_to > after_) {
        // What was committed before the question and is not in the answer is of other types.
        after_ = asked_up_to;
        if (after_ - kept_ >= kIdleStride) keep_position();
    }
    for (journal::Stored& event : *events) queue_.push_back(std::move(event));
    if (!queue_.empty() || more_) go_on();
}

void Courier::read_again() {
    read_again_ = false;
    go_on();
}

void Courier::send(Parcel parcel) {
    busy_ = true;
    parts_.carrier->carry(std::move(parcel), [this](const Outcome& outcome) { on_outcome(outcome); });
}

void Courier::send_due() {
    Content::Due due = parts_.content->due(parts_.wall());
    if (due.parcel) {
        for_event_ = false;
        send(std::move(*due.parcel));
        return;
    }
    // Every event leads here: one timer for all of them, and another only for something sooner.
    if (!due.next || (due_at_ && *due_at_ <= *due.next)) return;
    due_at_ = due.next;
    const auto wait = std::chrono::ceil<milliseconds>(*due.next - parts_.wall());
    parts_.later(std::max(wait, milliseconds{1}), [this, at = *due.next, alive = std::weak_ptr(alive_)] {
        if (alive.expired() || due_at_ != at) return;
        due_at_.reset();
        go_on();
    });
}

void Courier::on_outcome(const Outcome& outcome) {
    const int tries = attempts_.of_this_event() + 1;
    const Verdict verdict = attempts_.after(outcome, parts_.clock(), parts_.chance());
    if (outcome.kind == Outcome::Kind::kDelivered) {
        ++counts_.delivered;
        parts_.count("delivered");
        last_error_.clear();
    } else {
        ++counts_.failed;
        parts_.count("failed");
        last_error_ = outcome.error;
    }
    if (verdict.now_failing)
        own(parts_.tell("hook_failing", "'" + parts_.target + "' failed " +
                                            std::to_string(Attempts::kFailing) +
                                            " times in a row, the last time because " + outcome.error +
                                            ". Its events wait in the journal, and it is tried again."));
    if (verdict.now_well) own(parts_.tell("hook_recovered", "'" + parts_.target + "' takes events again."));
    if (verdict.next != Verdict::Next::kAgain) parts_.content->settled(parts_.wall());
    switch (verdict.next) {
        case Verdict::Next::kNextEvent:
            finish_event();
            break;
        case Verdict::Next::kGiveUp:
            give_up(outcome, tries);
            break;
        case Verdict::Next::kAgain:
            later(verdict.wait, &Courier::finish_wait);
            return;
    }
    // What an event's failure made us wait for goes for the next one too.
    if (verdict.wait.count() > 0) {
        later(verdict.wait, &Courier::finish_wait);
        return;
    }
    finish_wait();
}

void Courier::finish_wait() {
    busy_ = false;
    go_on();
}

void Courier::finish_event() {
    if (!std::exchange(for_event_, false) || queue_.empty()) return;
    passed(queue_.front().id);
    queue_.pop_front();
    keep_position();
}

void Courier::give_up(const Outcome& outcome, int tries) {
    if (!for_event_ || queue_.empty()) return;  // alerts that are due come again by themselves
    const journal::Stored& event = queue_.front();
    ++counts_.undelivered;
    parts_.count("undelivered");
    parts_.dead.add_dead(
        {parts_.target, event.id, tries, outcome.error, std::chrono::floor<milliseconds>(parts_.wall()), {}});
    own(parts_.tell("hook_undelivered", "Event " + std::to_string(event.id) + " (" + event.type +
                                            ") was given up for '" + parts_.target + "' after " +
                                            std::to_string(tries) +
                                            (tries == 1 ? " attempt: " : " attempts: ") + outcome.error));
    finish_event();
}

void Courier::passed(std::uint64_t id) {
    after_ = std::max(after_, id);
    own_.erase(id);
}

void Courier::keep_position() {
    kept_ = after_;
    parts_.cursors.advance_cursor(parts_.target, after_);
}

void Courier::later(milliseconds wait, void (Courier::*then)()) {
    parts_.later(wait, [this, then, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) (this->*then)();
    });
}

void Courier::own(std::uint64_t id) {
    own_.insert(id);
    if (own_.size() > kOwnEvents) own_.erase(own_.begin());
}

}  // namespace governor::hooks
