// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/writer.hpp"

#include "governor/journal/damaged.hpp"

#include <signal.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <utility>

namespace governor::journal {
namespace {

/// Events in one transaction, at most.
constexpr std::size_t kBatch = 512;
/// The retention looks after so many events too, whatever the time: a storm must not outgrow it.
constexpr std::size_t kTrimAfter = 2'000;

/// Signals belong to the loop's thread.
void block_all_signals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

std::string advice(const sqlite::Error& error) {
    if (error.full()) return "free space on its disk, or give a smaller --journal-size";
    if (error.denied()) return "give a --state-dir that exists and can be written";
    return "look at its disk and the kernel's log";
}

}  // namespace

void Listeners::notify(std::uint64_t up_to) {
    std::erase_if(committed, [](const auto& listener) { return listener.expired(); });
    // A listener may subscribe another one, or leave: the list that is gone through is a copy.
    const auto all = committed;
    for (const auto& weak : all)
        if (const auto listener = weak.lock()) (*listener)(up_to);
}

Writer::Writer(boost::asio::any_io_executor loop, Options options, publish::Publisher::WallClock wall,
               std::shared_ptr<Listeners> listeners)
    : loop_(std::move(loop)),
      options_(std::move(options)),
      wall_(std::move(wall)),
      listeners_(std::move(listeners)),
      inbox_(options_.queue) {}

void Writer::wait_opened(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [this] { return opened_; });
}

Backlog Writer::backlog() {
    const std::lock_guard lock(mutex_);
    return {inbox_.size(), inbox_.dropped_in_all()};
}

void Writer::append(publish::PublishedPtr event) {
    const std::uint64_t id = event->record.sequence;
    bool in_memory = false;
    {
        const std::lock_guard lock(mutex_);
        inbox_.add(std::move(event));
        in_memory = degraded_;
    }
    if (in_memory) {
        // Nothing will be committed for a while: readers get it from memory.
        post([listeners = listeners_, id] { listeners->notify(id); });
    } else {
        changed_.notify_one();
    }
}

void Writer::add(DeadLetter letter) {
    {
        const std::lock_guard lock(mutex_);
        inbox_.add(std::move(letter));
    }
    changed_.notify_one();
}

void Writer::set_cursor(const std::string& name, std::uint64_t position) {
    {
        const std::lock_guard lock(mutex_);
        inbox_.set_cursor(name, position);
    }
    changed_.notify_one();
}

void Writer::keep_cursors(std::set<std::string> names) {
    {
        const std::lock_guard lock(mutex_);
        inbox_.keep_cursors(std::move(names));
    }
    changed_.notify_one();
}

void Writer::ask(std::function<void()> request) {
    {
        const std::lock_guard lock(mutex_);
        requests_.push_back(std::move(request));
    }
    changed_.notify_one();
}

bool Writer::close(std::chrono::milliseconds limit) {
    std::deque<std::function<void()>> unanswered;
    std::unique_lock lock(mutex_);
    closing_ = true;
    changed_.notify_all();
    const bool finished = changed_.wait_for(lock, limit, [this] { return finished_; });
    abandoned_ = true;
    // What they hold belongs to the loop's thread.
    unanswered.swap(requests_);
    return finished;
}

void Writer::post(std::function<void()> handler) {
    // With the mutex held: close() cannot end in between, and the loop is there as long as it has not.
    const std::lock_guard lock(mutex_);
    if (!abandoned_) {
        boost::asio::post(loop_, std::move(handler));
    } else {
        // What it holds belongs to the loop's thread and may not be destroyed here: left to the end of the
        // process, which is near.
        static_cast<void>(new std::function<void()>(std::move(handler)));
    }
}

void Writer::run() {
    block_all_signals();
    open_store();
    {
        const std::lock_guard lock(mutex_);
        opened_ = true;
    }
    changed_.notify_all();
    trim_at_ = Clock::now() + options_.trim_every;
    while (wait_for_work()) {
        const bool retry = is_degraded() && Clock::now() >= retry_at_;
        if (retry && !store_) open_store();
        commit_all(retry);
        serve();
        trim_when_due();
    }
    commit_all(true);
    if (store_) static_cast<void>(store_->set_elapsed(elapsed()));
    store_.reset();
    {
        const std::lock_guard lock(mutex_);
        finished_ = true;
    }
    changed_.notify_all();
}

/// False: it is time to end.
bool Writer::wait_for_work() {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, degraded_ ? retry_at_ : trim_at_,
                        [this] { return closing_ || !requests_.empty() || (!degraded_ && !inbox_.empty()); });
    return !closing_;
}

bool Writer::is_degraded() {
    const std::lock_guard lock(mutex_);
    return degraded_;
}

bool Writer::is_closing() {
    const std::lock_guard lock(mutex_);
    return closing_;
}

void Writer::open_store() {
    std::error_code ignored;
    // What is wrong with the folder is said by the opening.
    std::filesystem::create_directories(options_.folder, ignored);
    const std::uint32_t limit = options_.page_limit ? options_.page_limit() : 0;
    auto opened = Store::open(path(), handed_out_, limit);
    if (!opened) return fail(opened.error());
    if (const auto newest = opened->newest()) {
        newest_stored_ = *newest;
    } else {
        return fail(newest.error());
    }
    const auto stored = opened->elapsed();
    if (!stored) return fail(stored.error());
    // A file that is opened again goes on; one that was made anew does not go back.
    elapsed_at_opening_ = std::max(*stored, opened_at_.count() == 0 ? Elapsed{0} : elapsed());
    opened_at_ = options_.uptime();
    taken_ids_ = std::max(opened->first_id() - 1, newest_stored_);
    store_.emplace(std::move(*opened));
}

void Writer::commit_all(bool even_degraded) {
    while (true) {
        Batch batch;
        {
            const std::lock_guard lock(mutex_);
            if (inbox_.empty() || !store_ || (degraded_ && !even_degraded)) return;
            batch = inbox_.take(kBatch);
        }
        const auto done = store_->commit(batch);
        {
            const std::lock_guard lock(mutex_);
            inbox_.settle(done.has_value());
        }
        if (!done) return fail(done.error());
        since_trim_ += batch.events.size();
        if (!batch.events.empty())
            newest_stored_ = std::max(newest_stored_, batch.events.back()->record.sequence);
        told_of_commit(batch.events.empty() ? 0 : newest_stored_, *done);
    }
}

void Writer::told_of_commit(std::uint64_t up_to, std::uint64_t lost) {
    bool was_degraded = false;
    {
        const std::lock_guard lock(mutex_);
        was_degraded = std::exchange(degraded_, false);
        lost += inbox_.take_dropped();
    }
    if (up_to != 0) post([listeners = listeners_, up_to] { listeners->notify(up_to); });
    if (was_degraded) tell("journal_recovered", "Events are stored in " + path() + " again.");
    if (lost != 0)
        tell("journal_events_lost", std::to_string(lost) +
                                        " events could not be stored: more came than the disk took. "
                                        "They are in the log only.");
}

void Writer::serve() {
    while (true) {
        std::function<void()> request;
        {
            const std::lock_guard lock(mutex_);
            if (requests_.empty() || closing_) return;
            request = std::move(requests_.front());
            requests_.pop_front();
        }
        request();
    }
}

void Writer::trim_when_due() {
    if (!store_ || is_degraded() || (Clock::now() < trim_at_ && since_trim_ < kTrimAfter)) return;
    trim_at_ = Clock::now() + options_.trim_every;
    since_trim_ = 0;
    std::map<std::string, std::uint64_t> unread;
    for (bool more = true; more && store_ && !is_closing();) {
        const auto trimmed = store_->trim(options_.retention, elapsed());
        if (!trimmed) return fail(trimmed.error());
        more = trimmed->more;
        for (const auto& [name, count] : trimmed->unread) unread[name] += count;
        // New events do not wait for the deletion of old ones.
        commit_all(false);
        serve();
    }
    for (const auto& [name, count] : unread)
        tell("journal_events_lost",
             std::to_string(count) + " events were deleted before " + name +
                 " was given them: it is more than twice --journal-size behind. See to that "
                 "target, or give a larger size.");
}

void Writer::fail(const sqlite::Error& error) {
    if (error.damaged() && start_anew(error)) return;
    // A full disk can still be read.
    if (!error.full()) store_.reset();
    // A read that fails meanwhile must not put off the next try.
    if (Clock::now() >= retry_at_) retry_at_ = Clock::now() + options_.retry_every;
    std::uint64_t readable = 0;
    {
        const std::lock_guard lock(mutex_);
        if (std::exchange(degraded_, true)) return;
        readable = inbox_.newest();
    }
    if (readable != 0) post([listeners = listeners_, readable] { listeners->notify(readable); });
    tell("journal_degraded",
         error.message + ". The last " + std::to_string(options_.queue) +
             " events are kept in memory meanwhile, and storing them is tried again every " +
             policies::to_string(std::chrono::nanoseconds(options_.retry_every)) + ": " + advice(error) +
             ".");
}

/// False: it cannot be done, or was done a moment ago and did not help.
bool Writer::start_anew(const sqlite::Error& error) {
    const auto at = Clock::now();
    if (anew_at_ && at < *anew_at_ + options_.retry_every) return false;
    anew_at_ = at;
    store_.reset();
    const auto moved = move_aside(path(), now());
    if (!moved) return false;
    tell("journal_damaged",
         error.message + ". It was moved to " + *moved +
             " and a new one begun; events that hooks had not been given are lost with it.");
    newest_stored_ = 0;
    open_store();
    return true;
}

void Writer::tell(std::string type, std::string detail) {
    post([listeners = listeners_, type = std::move(type), detail = std::move(detail)] {
        if (listeners->tell) listeners->tell(type, detail);
    });
}

Events Writer::read(const Query& query) {
    std::vector<Stored> in_memory;
    {
        const std::lock_guard lock(mutex_);
        if (degraded_) in_memory = inbox_.find(query);
    }
    Query rest = query;
    if (query.newest) rest.limit -= in_memory.size();
    std::vector<Stored> out;
    if (store_) {
        auto stored = store_->read(rest);
        if (stored) {
            out = std::move(*stored);
        } else {
            fail(stored.error());
        }
    }
    if (!store_ && query.after < newest_stored_)
        return tl::make_unexpected("the events in " + path() +
                                   " cannot be read at present; the log has them");
    const auto room = static_cast<std::ptrdiff_t>(std::min(in_memory.size(), query.limit - out.size()));
    out.insert(out.end(), std::make_move_iterator(in_memory.begin()),
               std::make_move_iterator(in_memory.begin() + room));
    return out;
}

std::uint64_t Writer::cursor(const std::string& name) {
    std::uint64_t before_memory = 0;
    {
        const std::lock_guard lock(mutex_);
        if (const auto waiting = inbox_.cursor(name)) return *waiting;
        if (inbox_.oldest() != 0) before_memory = inbox_.oldest() - 1;
    }
    if (store_) {
        const auto stored = store_->cursor(name);
        if (stored) return *stored;
        fail(stored.error());
    }
    return before_memory;
}

DeadLetters::Letters Writer::dead(std::size_t limit) {
    if (store_) {
        auto letters = store_->dead(limit);
        if (letters) return std::move(*letters);
        fail(letters.error());
    }
    return tl::make_unexpected("the undelivered events in " + path() + " cannot be read at present");
}

}  // namespace governor::journal
