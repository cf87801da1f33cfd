// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

namespace governor::publish {

/// Writes lines to a file descriptor from a thread of its own, so that a reader who stands still (a full pipe
/// to Docker's log driver, a stopped terminal) never holds up the loop.
///
/// When the queue is full, new lines are dropped, not old ones: the lines that are kept then tell the
/// beginning of the trouble, and a line with the number of lost ones stands exactly where the gap is. A
/// broken pipe or a full disk loses the line at hand; later lines are tried again.
class LineWriter {
  public:
    struct Options {
        std::size_t max_bytes = 4UL << 20U;  ///< of waiting lines
        /// Makes the line that stands for `lost` lines. Called in write() and close(); absent: a plain
        /// sentence.
        std::function<std::string(std::uint64_t lost)> gap_line;
        /// Called on the writer's thread with a line's entry, when it has one; true: it was taken (by
        /// systemd's journal), and the line is not written. May wait a little. Absent: all lines are written.
        std::function<bool(const std::string& entry)> deliver;
    };

    /// `fd` is duplicated, and not changed: its flags may be shared with other programs.
    LineWriter(int fd, Options options);
    LineWriter(const LineWriter&) = delete;
    LineWriter& operator=(const LineWriter&) = delete;
    /// Closes with one second's patience.
    ~LineWriter();

    /// Adds a line (a newline is appended), and the same as an entry for Options::deliver. Never blocks;
    /// false: it was dropped. Any thread.
    bool write(std::string line, std::string entry = {});
    /// Writes what waits, for at most `patience`, and ends the thread. False: some lines were not written.
    /// Later lines are dropped.
    bool close(std::chrono::milliseconds patience);
    /// All lines that were lost so far, for whatever reason.
    std::uint64_t lost() const;

  private:
    struct Shared;

    std::shared_ptr<Shared> shared_;  ///< outlives this object when the thread is stuck in a write
    std::thread thread_;
};

}  // namespace governor::publish
