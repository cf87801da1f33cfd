// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "cgroup/parse.hpp"
#include "cgroup/pid_fd.hpp"
#include "cgroup/result.hpp"
#include "cgroup/shared_text.hpp"

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cgroups {

/// What tells one cgroup from another that later gets the same path: a container's restart makes a new
/// directory with the old name.
struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const Identity&) const = default;
};

/// The extended attribute that set_mark() writes.
inline constexpr const char* kMarkName = "user.governor";

/// A cgroup, held by its directory's fd. When the cgroup is removed, every call answers with an Error for
/// which gone() holds, even if another cgroup has the same path by then. Calls are blocking reads and writes
/// of kernfs files: short, but a write to memory.high or memory.max below the usage reclaims in the caller's
/// context, so such writes belong on a worker thread.
class Directory {
  public:
    static Result<Directory> open(const std::string& path);
    /// A child directory; `create` makes it when it is missing.
    Result<Directory> child(std::string_view name, bool create) const;
    Result<void> remove_child(std::string_view name) const;
    /// The names of the child cgroups, in no order.
    Result<std::vector<std::string>> children() const;

    const std::string& path() const { return path_.str(); }
    /// The same, to be kept.
    const SharedText& shared_path() const { return path_; }
    Identity identity() const { return identity_; }
    int fd() const { return fd_.get(); }

    /// Opens a file of the cgroup, for holding.
    Result<UniqueFd> open_file(std::string_view name, int flags) const;
    /// Reads a whole small file into `buffer`; the view points into it.
    Result<std::string_view> read(std::string_view name, std::span<char> buffer) const;
    Result<void> write(std::string_view name, std::string_view text) const;

    Result<Bytes> read_bytes(std::string_view name) const;
    Result<void> write_bytes(std::string_view name, Bytes value) const;
    Result<MemoryEvents> memory_events() const;
    Result<CgroupEvents> events() const;
    /// The processes in this cgroup itself (not in its children). 0 stands for one of a pid namespace that we
    /// cannot see.
    Result<std::vector<int>> pids() const;

    /// cgroup.freeze. The write returns at once; `frozen` in cgroup.events tells when all tasks stand still.
    Result<void> freeze() const { return write("cgroup.freeze", "1"); }
    Result<void> thaw() const { return write("cgroup.freeze", "0"); }
    /// cgroup.kill: SIGKILL to every process of the subtree, forks included (kernel 5.14), also while frozen.
    Result<void> kill() const { return write("cgroup.kill", "1"); }
    /// Moves a process here. The kernel moves by number only: one that has ended is not moved, and the one
    /// that gets its number in the moment between the two is, which takes a wrap of all pids in that moment.
    Result<void> attach(const PidFd& process) const;

    /// An extended attribute of the directory ("user.governor"): a note that lives and dies with the cgroup.
    Result<void> set_mark(std::string_view value) const;
    std::optional<std::string> mark() const;
    void clear_mark() const;

  private:
    Directory(UniqueFd fd, SharedText path, Identity identity)
        : fd_(std::move(fd)), path_(std::move(path)), identity_(identity) {}

    UniqueFd fd_;
    SharedText path_;
    Identity identity_;
};

/// As Directory::pids(), by the directory's fd alone; empty when the cgroup is gone.
std::vector<int> pids_at(int directory_fd);

/// Reads a file by pread on a held fd, from its start.
Result<std::string_view> read_held(int fd, std::span<char> buffer, std::string_view subject);

}  // namespace cgroups
