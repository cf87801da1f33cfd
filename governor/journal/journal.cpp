// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/journal.hpp"

#include "governor/journal/writer.hpp"

#include <algorithm>
#include <ctime>
#include <utility>

namespace governor::journal {
namespace {

/// Ids begin here where no database tells what was handed out: greater than all of an earlier governor's, as
/// long as there are fewer than a thousand events a second.
std::uint64_t ids_of_now(const publish::Publisher::WallClock& wall) {
    const auto since_1970 = std::chrono::floor<std::chrono::milliseconds>(wall()).time_since_epoch().count();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(since_1970, 0));
}

}  // namespace

std::chrono::milliseconds host_uptime() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::seconds(now.tv_sec) +
                                                         std::chrono::nanoseconds(now.tv_nsec));
}

Journal::Journal(boost::asio::any_io_executor loop, Options options, publish::Publisher::WallClock wall,
                 Tell tell)
    : listeners_(std::make_shared<Listeners>()), last_id_(ids_of_now(wall)) {
    listeners_->tell = std::move(tell);
    const auto patience = options.patience;
    writer_ = std::make_shared<Writer>(std::move(loop), std::move(options), std::move(wall), listeners_);
    writer_->handed_out(last_id_);
    thread_ = std::thread([writer = writer_] { writer->run(); });
    writer_->wait_opened(patience);
}

Journal::~Journal() {
    close(std::chrono::seconds(1));
    listeners_->tell = nullptr;
    listeners_->committed.clear();
}

bool Journal::close(std::chrono::milliseconds limit) {
    if (!thread_.joinable()) return true;
    const bool finished = writer_->close(limit);
    if (finished) {
        thread_.join();
    } else {
        thread_.detach();
    }
    return finished;
}

std::uint64_t Journal::next_id() {
    last_id_ = std::max(last_id_, writer_->taken_ids()) + 1;
    writer_->handed_out(last_id_);
    return last_id_;
}

void Journal::append(publish::PublishedPtr event) {
    writer_->append(std::move(event));
}

Backlog Journal::backlog() const {
    return writer_->backlog();
}

void Journal::read(Query query, ReadDone done) {
    // Moved from place to place: the last copy of `done` must go on the loop.
    writer_->ask([writer = writer_.get(), query = std::move(query), done = std::move(done)]() mutable {
        writer->post(
            [done = std::move(done), events = writer->read(query)]() mutable { done(std::move(events)); });
    });
}

std::shared_ptr<void> Journal::on_committed(Committed committed) {
    auto held = std::make_shared<Committed>(std::move(committed));
    listeners_->committed.push_back(held);
    return held;
}

void Journal::load_cursor(std::string name, Loaded loaded) {
    writer_->ask([writer = writer_.get(), name = std::move(name), loaded = std::move(loaded)]() mutable {
        writer->post([loaded = std::move(loaded), after = writer->cursor(name)] { loaded(after); });
    });
}

void Journal::advance_cursor(const std::string& name, std::uint64_t id) {
    writer_->set_cursor(name, id);
}

void Journal::keep_cursors(std::set<std::string> names) {
    writer_->keep_cursors(std::move(names));
}

void Journal::add_dead(DeadLetter letter) {
    writer_->add(std::move(letter));
}

void Journal::list_dead(std::size_t limit, Listed listed) {
    writer_->ask([writer = writer_.get(), limit, listed = std::move(listed)]() mutable {
        writer->post([listed = std::move(listed), letters = writer->dead(limit)]() mutable {
            listed(std::move(letters));
        });
    });
}

}  // namespace governor::journal
