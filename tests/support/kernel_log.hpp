// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/fd.hpp"
#include "tests/support/tree.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <stdexcept>
#include <string>

/// A /dev/kmsg of a test's own: a FIFO in packet mode, so that each read gives one record.
class FakeKernelLog {
  public:
    explicit FakeKernelLog(const TempTree& tree) : path_(tree.path("kmsg")) {
        if (::mkfifo(path_.c_str(), 0600) != 0) throw std::runtime_error("cannot make " + path_);
        fd_.reset(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
        if (!fd_ || ::fcntl(fd_.get(), F_SETFL, O_DIRECT | O_NONBLOCK) != 0)
            throw std::runtime_error("cannot open " + path_);
    }
    const std::string& path() const { return path_; }
    std::uint64_t sequence() const { return sequence_; }

    void say(const std::string& text) {
        ++sequence_;
        const std::string record =
            "6," + std::to_string(sequence_) + "," + std::to_string(sequence_ * 1000) + ",-;" + text + "\n";
        if (::write(fd_.get(), record.data(), record.size()) < 0) throw std::runtime_error("the log is full");
    }
    /// The two lines of a kill in a cgroup because of the limit of another, or of its own.
    void oom(const std::string& memcg, int pid, const std::string& comm, const std::string& whose = "") {
        say("oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=" +
            (whose.empty() ? memcg : whose) + ",task_memcg=" + memcg + ",task=" + comm +
            ",pid=" + std::to_string(pid) + ",uid=0");
        say("Memory cgroup out of memory: " + killed(pid, comm));
    }
    void host_oom(const std::string& memcg, int pid, const std::string& comm) {
        say("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/"
            ",mems_allowed=0,global_oom,task_memcg=" +
            memcg + ",task=" + comm + ",pid=" + std::to_string(pid) + ",uid=0");
        say("Out of memory: " + killed(pid, comm));
    }

  private:
    static std::string killed(int pid, const std::string& comm) {
        return "Killed process " + std::to_string(pid) + " (" + comm +
               ") total-vm:21000kB, anon-rss:15000kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:76kB "
               "oom_score_adj:0";
    }

    std::string path_;
    cgroups::UniqueFd fd_;
    std::uint64_t sequence_ = 100;
};
