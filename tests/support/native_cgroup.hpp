// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"
#include "cgroup/hierarchy.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <utility>

/// A cgroup of our own on the machine's cgroup v2 mount, where it gives a writable one. Nothing outside it is
/// touched; what runs in it is killed and it is removed at the end.
class NativeCgroup {
  public:
    /// Null, with the reason in `why`, where the machine has no cgroup v2 that we may write to.
    static std::unique_ptr<NativeCgroup> make(std::string& why) {
        const auto hierarchy = cgroups::find_hierarchy();
        if (!hierarchy) return why = hierarchy.error().message(), nullptr;
        if (hierarchy->mount.empty()) return why = "no cgroup v2 is mounted", nullptr;
        if (!hierarchy->writable)
            return why = "cgroup v2 at " + hierarchy->mount + " is not writable for us", nullptr;
        auto root = cgroups::Directory::open(hierarchy->mount);
        if (!root) return why = root.error().message(), nullptr;
        std::string name = "governor-test-" + std::to_string(::getpid());
        auto own = root->child(name, true);
        if (!own) return why = own.error().message(), nullptr;
        return std::unique_ptr<NativeCgroup>(
            new NativeCgroup(std::move(*root), std::move(*own), std::move(name)));
    }
    NativeCgroup(const NativeCgroup&) = delete;
    NativeCgroup& operator=(const NativeCgroup&) = delete;
    ~NativeCgroup() {
        if (child_ > 0) {
            ::kill(child_, SIGKILL);
            (void)own_.thaw();
            reap();
        }
        // A killed process is reaped a moment before it leaves its cgroup.
        (void)wait_until([](const cgroups::CgroupEvents& events) { return !events.populated; });
        (void)root_.remove_child(name_);
    }

    const cgroups::Directory& directory() const { return own_; }
    const cgroups::Directory& root() const { return root_; }
    const std::string& name() const { return name_; }

    static constexpr int kSavedItsWork = 42;

    /// A process moved into the cgroup, which exits with kSavedItsWork on SIGTERM if it handles it. 0 when it
    /// cannot be moved.
    pid_t start_child(bool handles_sigterm = true) {
        // Set before the fork and undone after it, so that the child has it from its first instruction on.
        const auto before =
            ::signal(SIGTERM, handles_sigterm ? [](int) { ::_exit(kSavedItsWork); } : SIG_DFL);
        child_ = ::fork();
        if (child_ == 0) {
            while (true) ::pause();
        }
        ::signal(SIGTERM, before);
        if (child_ > 0 && own_.write("cgroup.procs", std::to_string(child_))) return child_;
        return 0;
    }
    /// Waits for the child's end; its status as of waitpid.
    int reap() {
        int status = 0;
        ::waitpid(child_, &status, 0);
        child_ = -1;
        return status;
    }

    /// Waits, by the kernel's own notification, until cgroup.events satisfies `is`. False after `limit`.
    template <class Predicate>
    bool wait_until(Predicate is, std::chrono::milliseconds limit = std::chrono::seconds(20)) const {
        // Not timed: each wake-up is an event, and the limit only ends a test that would hang.
        auto fd = own_.open_file("cgroup.events", O_RDONLY);
        if (!fd) return false;
        while (true) {
            char buffer[128];
            const auto text = cgroups::read_held(fd->get(), buffer, own_.path());
            const auto events = text ? cgroups::parse_cgroup_events(*text) : std::nullopt;
            if (!events) return false;
            if (is(*events)) return true;
            pollfd waiting{fd->get(), POLLPRI, 0};
            if (::poll(&waiting, 1, static_cast<int>(limit.count())) <= 0) return false;
        }
    }

  private:
    NativeCgroup(cgroups::Directory root, cgroups::Directory own, std::string name)
        : root_(std::move(root)), own_(std::move(own)), name_(std::move(name)) {}

    cgroups::Directory root_;
    cgroups::Directory own_;
    std::string name_;
    pid_t child_ = -1;
};
