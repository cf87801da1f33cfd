// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/line_writer.hpp"

#include "cgroup/fd.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string_view>

namespace governor::publish {
namespace {

using Clock = std::chrono::steady_clock;

/// A pipe that poll() calls writable takes this much without blocking.
constexpr std::size_t kPiece = 4096;

std::string plain_gap_line(std::uint64_t lost) {
    return "(" + std::to_string(lost) + " lines were lost here: the reader of this log was too slow)";
}

/// Signals belong to the loop's thread; SIGPIPE must become EPIPE.
void block_all_signals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

struct LineWriter::Shared {
    struct Item {
        std::string line;
        std::string entry;
        std::size_t size() const { return line.size() + entry.size(); }
    };
    cgroups::UniqueFd fd;
    cgroups::UniqueFd wake;  ///< becomes readable when closing begins
    Options options;

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Item> queue;
    std::size_t bytes = 0;  ///< of the queue and of the line being written
    std::uint64_t gap = 0;  ///< lines dropped since the last one that was kept
    std::uint64_t lost = 0;
    bool closing = false;
    bool finished = false;
    Clock::time_point deadline{};

    bool mid_line = false;  ///< the thread's own: a line was cut off, the next one must begin anew

    void run();
    bool wait_writable();
    bool write_all(std::string_view text);
    bool show(Item item);
    void close_gap();
};

/// False: closing, and its deadline is over.
bool LineWriter::Shared::wait_writable() {
    // poll() would wait for ever.
    if (!fd) return false;
    while (true) {
        int timeout = -1;
        bool is_closing = false;
        {
            const std::lock_guard lock(mutex);
            is_closing = closing;
            if (closing) {
                const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
                timeout = static_cast<int>(std::max<std::int64_t>(left.count(), 0));
            }
        }
        std::array<pollfd, 2> fds{{{fd.get(), POLLOUT, 0}, {is_closing ? -1 : wake.get(), POLLIN, 0}}};
        const int ready = ::poll(fds.data(), fds.size(), timeout);
        if (ready < 0 && errno != EINTR) return false;
        if (fds[0].revents != 0) return true;
        if (ready == 0 && is_closing) return false;
    }
}

bool LineWriter::Shared::write_all(std::string_view text) {
    while (!text.empty()) {
        if (!wait_writable()) return false;
        const auto count = ::write(fd.get(), text.data(), std::min(text.size(), kPiece));
        if (count >= 0) {
            text.remove_prefix(static_cast<std::size_t>(count));
            mid_line = !text.empty();
        } else if (errno != EINTR && errno != EAGAIN) {
            return false;
        }
    }
    return true;
}

bool LineWriter::Shared::show(Item item) {
    if (!item.entry.empty() && options.deliver && options.deliver(item.entry)) return true;
    if (mid_line) item.line.insert(item.line.begin(), '\n');
    return write_all(item.line);
}

void LineWriter::Shared::run() {
    block_all_signals();
    std::unique_lock lock(mutex);
    while (true) {
        changed.wait(lock, [this] { return closing || !queue.empty(); });
        if (queue.empty()) break;
        Item item = std::move(queue.front());
        queue.pop_front();
        lock.unlock();
        const auto size = item.size();
        const bool good = show(std::move(item));
        lock.lock();
        bytes -= size;
        if (!good) ++lost;
    }
    finished = true;
    changed.notify_all();
}

/// With the mutex held.
void LineWriter::Shared::close_gap() {
    if (gap == 0) return;
    std::string line = (options.gap_line ? options.gap_line(gap) : plain_gap_line(gap)) + "\n";
    gap = 0;
    bytes += line.size();
    queue.push_back({std::move(line), {}});
}

LineWriter::LineWriter(int fd, Options options) : shared_(std::make_shared<Shared>()) {
    shared_->fd.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    shared_->wake.reset(::eventfd(0, EFD_CLOEXEC));
    shared_->options = std::move(options);
    thread_ = std::thread([shared = shared_] { shared->run(); });
}

LineWriter::~LineWriter() {
    close(std::chrono::seconds(1));
}

bool LineWriter::write(std::string line, std::string entry) {
    Shared::Item item{std::move(line) + '\n', std::move(entry)};
    const std::lock_guard lock(shared_->mutex);
    auto& shared = *shared_;
    // A line longer than the whole queue is let through when nothing else waits.
    if (shared.closing || (shared.bytes != 0 && shared.bytes + item.size() > shared.options.max_bytes)) {
        ++shared.gap;
        ++shared.lost;
        return false;
    }
    shared.close_gap();
    shared.bytes += item.size();
    shared.queue.push_back(std::move(item));
    shared.changed.notify_all();
    return true;
}

bool LineWriter::close(std::chrono::milliseconds patience) {
    if (!thread_.joinable()) return lost() == 0;
    std::unique_lock lock(shared_->mutex);
    shared_->close_gap();
    shared_->closing = true;
    shared_->deadline = Clock::now() + patience;
    shared_->changed.notify_all();
    const std::uint64_t one = 1;
    if (::write(shared_->wake.get(), &one, sizeof one) < 0) patience = {};
    // A little longer than the thread's own deadline: it only stays away when another program filled the pipe
    // between its poll() and write(). It is left behind then, with what it needs.
    constexpr std::chrono::milliseconds kSlack{200};
    const bool finished =
        shared_->changed.wait_for(lock, patience + kSlack, [this] { return shared_->finished; });
    const bool good = finished && shared_->lost == 0;
    lock.unlock();
    if (finished) {
        thread_.join();
        // The reader sees the end now, not when this object goes.
        shared_->fd.reset();
    } else {
        thread_.detach();
    }
    return good;
}

std::uint64_t LineWriter::lost() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->lost;
}

}  // namespace governor::publish
