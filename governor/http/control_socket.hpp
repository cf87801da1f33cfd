// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"

#include <sys/types.h>

#include <tl/expected.hpp>

#include <string>

namespace governor::http {

/// A listening unix socket and its file. The file is removed in the destructor, unless another process has
/// put its own there; to tell the two apart by inode, the descriptor must be open until then.
class ControlSocket {
  public:
    /// Makes the parent folder, replaces a file that a dead governor left, listens with mode 0660. The error
    /// is a sentence for a person. A socket on which somebody listens is never taken away: another governor
    /// runs.
    static tl::expected<ControlSocket, std::string> listen(const std::string& path);

    ControlSocket(ControlSocket&&) = default;
    ControlSocket& operator=(ControlSocket&&) = delete;
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;
    ~ControlSocket();

    /// Non-blocking. Hands over the descriptor; the file stays this object's.
    int release_fd() { return fd_.release(); }
    const std::string& path() const { return path_; }

  private:
    ControlSocket() = default;

    std::string path_;
    cgroups::UniqueFd fd_;
    dev_t device_ = 0;
    ino_t inode_ = 0;  ///< 0: there is no file of ours
};

}  // namespace governor::http
