// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace governor::async {

/// One thread for what may block: writes to memory.high that reclaim, moving processes between cgroups, disk.
/// The loop's thread posts work and gets the result back as a posted handler, so that nothing that blocks
/// ever runs on it. Jobs run one after another, in the order they were posted. The queue is bounded: a caller
/// whose job is refused must say so.
class Worker {
  public:
    explicit Worker(boost::asio::any_io_executor loop, std::size_t capacity = 1024);
    /// Waits for the running job; what is still queued is dropped.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Runs `job` on the worker's thread, then `done(result)` on the loop. False when the queue is full:
    /// nothing will be run.
    template <class Job, class Done>
    bool post(Job job, Done done) {
        return push([loop = loop_, job = std::move(job), done = std::move(done)]() mutable {
            auto result = job();
            boost::asio::post(loop, [done = std::move(done), result = std::move(result)]() mutable {
                done(std::move(result));
            });
        });
    }
    /// A job whose outcome nobody waits for.
    bool post(std::function<void()> job) { return push(std::move(job)); }

  private:
    bool push(std::function<void()> job);
    void run();

    boost::asio::any_io_executor loop_;
    std::size_t capacity_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> jobs_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace governor::async
