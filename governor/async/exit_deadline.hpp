// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace governor::async {

/// Ends the process when its ordinary end takes too long, whatever blocks: the loop, a thread in the kernel,
/// a destructor that joins. Has a thread of its own, which waits for SIGTERM and SIGINT beside the loop and
/// does nothing else. What was frozen is then released by the guardian.
class ExitDeadline {
  public:
    struct Options {
        /// Below what is promised (5 s), and well below the 10 s after which Docker kills.
        std::chrono::milliseconds limit{4'000};
        /// What is done when the limit is over; `step`: what did not end. The default does not return: it
        /// writes a line to standard error and ends the process with exit code 1. Called on the own thread.
        std::function<void(const std::string& step)> expired = end_process;
    };
    explicit ExitDeadline(Options options);
    /// Never waits for a deadline that runs: its thread is left to end the process should the rest of the end
    /// (the destructors after this one) block.
    ~ExitDeadline();
    ExitDeadline(const ExitDeadline&) = delete;
    ExitDeadline& operator=(const ExitDeadline&) = delete;

    /// The same as a signal: the end begins now. Any thread.
    void start();
    /// Whether the end was asked for. Any thread.
    bool started() const;
    /// What is done now, as a noun: named when it does not end. A literal. Any thread.
    void step(const char* name);

    static void end_process(const std::string& step);

  private:
    struct Shared;
    std::shared_ptr<Shared> shared_;  ///< held by the thread too
    std::thread thread_;
};

}  // namespace governor::async
