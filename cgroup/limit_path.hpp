// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

/// The limits above a container. A container is OOM-killed at the first limit on its path to the root that is
/// reached (Documentation/admin-guide/cgroup-v2.rst, memory.max: limits are hierarchical), so its own is only
/// one of those that can bind.
namespace cgroups {

/// A cgroup above containers: its limits, re-read once a round, and what its subtree uses. Shared by all
/// containers below it. Loop's thread only. A cgroup that vanishes answers as one without limits: its
/// containers vanish with it.
class LimitNode {
  public:
    LimitNode(std::string path, std::shared_ptr<LimitNode> parent);

    const std::string& path() const { return path_; }
    /// The last component of the path: "tight.slice".
    std::string name() const { return path_.substr(path_.rfind('/') + 1); }
    LimitNode* parent() const { return parent_.get(); }

    /// Re-reads the limits when `round` differs from the last one. The caller changes the round about once a
    /// second.
    void refresh(std::uint64_t round);
    /// The lower of memory.max and memory.high: at memory.high of a slice every allocation below it is
    /// throttled to a halt. kMax without either.
    Bytes limit() const { return limit_; }
    /// Whether memory.high is the lower one.
    bool by_high() const { return by_high_; }
    /// memory.swap.max; kMax without one.
    Bytes swap_limit() const { return swap_limit_; }
    /// memory.swap.max less memory.swap.current; kMax without a limit.
    Bytes swap_room() const { return swap_room_; }
    /// What zswap may still store of this subtree, compressed; kMax without a limit.
    Bytes zswap_room() const { return zswap_room_; }
    /// memory.zswap.writeback: false keeps in memory what zswap holds or rejects.
    bool zswap_writeback() const { return zswap_writeback_; }

    /// limit() less what is unreclaimable below. `enough`: a headroom of at least this is of no interest, and
    /// saves the read of memory.stat. kMax without a limit, and when the files cannot be read.
    Bytes headroom(Bytes enough);
    /// limit() less memory.current: a lower bound of the headroom, from the last headroom().
    Bytes headroom_at_least() const { return at_least_; }

    /// Whether headroom_at_least() differs by more than a twentieth of the limit from its value when this was
    /// last true; true at most once a round.
    bool has_moved(std::uint64_t round);

    /// What swap could take of the containers below, and what reclaim may not touch of their page cache
    /// (memory.min): sums that the containers' own samples keep up to date. Pages of cgroups without a
    /// container count as not swappable.
    void add_swappable(std::int64_t change) { swappable_ += change; }
    void add_protected(std::int64_t change) { protected_ += change; }

  private:
    enum File : std::size_t { kMaximum, kHigh, kSwapMaximum, kSwapCurrent, kCurrent, kStat, kFiles };
    Bytes number(File file, Bytes fallback);
    UniqueFd& held(File file);

    std::string path_;
    std::shared_ptr<LimitNode> parent_;
    UniqueFd directory_;
    std::array<UniqueFd, kFiles> fds_;
    std::uint64_t round_ = 0;
    Bytes limit_ = kMax;
    bool by_high_ = false;
    Bytes swap_limit_ = kMax;
    Bytes swap_room_ = kMax;
    Bytes zswap_room_ = kMax;
    bool zswap_writeback_ = true;
    Bytes at_least_ = kMax;
    Bytes moved_from_ = kMax;
    std::uint64_t moved_round_ = 0;
    std::int64_t swappable_ = 0;
    std::int64_t protected_ = 0;
};

/// Finds the nodes above containers, one for each directory that has containers below it. Loop's thread only.
class LimitTree {
  public:
    /// `mount` is where cgroup v2 is mounted. Its own files count too: in a nested Docker the mount is no
    /// root.
    explicit LimitTree(std::string mount) : mount_(std::move(mount)) {}

    /// The node of the directory that contains the cgroup `path` (absolute, below the mount); null for one
    /// outside.
    std::shared_ptr<LimitNode> above(const std::string& path);

  private:
    std::shared_ptr<LimitNode> node(const std::string& path);

    std::string mount_;
    std::map<std::string, std::weak_ptr<LimitNode>, std::less<>> nodes_;
};

}  // namespace cgroups
