// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"

#include <string>
#include <vector>

namespace cgroups {

/// Tells that some process wrote to a file of a cgroup: inotify's IN_MODIFY, which kernfs sends for every
/// write from user space (not for what the kernel changes by itself). Our own writes are told too. `fd` is
/// readable when there is something to take. Not thread-safe.
class WriteWatch {
  public:
    static Result<WriteWatch> open();
    /// An id for take() and remove(); the same for the same file. Follows the file, not its name: a cgroup
    /// that was made anew must be added again.
    Result<int> add(const std::string& path) const;
    void remove(int id) const;
    /// The ids of the files that were written to since the last call, each once; empty when none was. Never
    /// blocks.
    std::vector<int> take() const;
    int fd() const { return fd_.get(); }

  private:
    explicit WriteWatch(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace cgroups
