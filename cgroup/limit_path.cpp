// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/limit_path.hpp"

#include <fcntl.h>

#include <algorithm>
#include <utility>

namespace cgroups {
namespace {

/// In the order of LimitNode::File.
constexpr std::array kNames{"memory.max",          "memory.high",    "memory.swap.max",
                            "memory.swap.current", "memory.current", "memory.stat"};

Bytes less(Bytes a, Bytes b) {
    return {a.value > b.value ? a.value - b.value : 0};
}

}  // namespace

LimitNode::LimitNode(std::string path, std::shared_ptr<LimitNode> parent)
    : path_(std::move(path)),
      parent_(std::move(parent)),
      directory_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

UniqueFd& LimitNode::held(File file) {
    UniqueFd& fd = fds_[file];
    if (!fd) fd.reset(::openat(directory_.get(), kNames[file], O_RDONLY | O_CLOEXEC));
    return fd;
}

Bytes LimitNode::number(File file, Bytes fallback) {
    const UniqueFd& fd = held(file);
    if (!fd) return fallback;
    std::array<char, 64> buffer;
    const auto text = read_held(fd.get(), buffer, path_);
    return text ? parse_bytes(*text).value_or(fallback) : fallback;
}

void LimitNode::refresh(std::uint64_t round) {
    if (round == round_) return;
    round_ = round;
    const Bytes maximum = number(kMaximum, kMax);
    const Bytes high = number(kHigh, kMax);
    limit_ = std::min(maximum, high);
    by_high_ = high < maximum;
    swap_limit_ = number(kSwapMaximum, kMax);
    swap_room_ = swap_limit_ == kMax ? kMax : less(swap_limit_, number(kSwapCurrent, {}));
    // Few cgroups have a limit on zswap: not worth two descriptors of each.
    const auto once = [this](const char* name) -> std::optional<Bytes> {
        const UniqueFd fd(::openat(directory_.get(), name, O_RDONLY | O_CLOEXEC));
        std::array<char, 64> buffer;
        if (!fd) return std::nullopt;
        const auto text = read_held(fd.get(), buffer, path_);
        return text ? parse_bytes(*text) : std::nullopt;
    };
    const Bytes zswap_maximum = once("memory.zswap.max").value_or(kMax);
    zswap_room_ =
        zswap_maximum == kMax ? kMax : less(zswap_maximum, once("memory.zswap.current").value_or(Bytes{}));
    zswap_writeback_ = once("memory.zswap.writeback") != Bytes{0};
}

Bytes LimitNode::headroom(Bytes enough) {
    at_least_ = kMax;
    if (limit_ == kMax) return kMax;
    const Bytes current = number(kCurrent, kMax);
    if (current == kMax) return kMax;
    at_least_ = less(limit_, current);
    if (at_least_ >= enough) return at_least_;
    std::array<char, 8192> buffer;
    const UniqueFd& fd = held(kStat);
    if (!fd) return kMax;
    const auto text = read_held(fd.get(), buffer, path_);
    const auto stat = text ? parse_memory_stat(*text) : std::nullopt;
    if (!stat) return kMax;
    const Bytes swappable{
        std::min(swap_room_.value, static_cast<std::uint64_t>(std::max<std::int64_t>(swappable_, 0)))};
    const Bytes pinned{unreclaimable(*stat, swappable).value +
                       static_cast<std::uint64_t>(std::max<std::int64_t>(protected_, 0))};
    return std::max(at_least_, less(limit_, pinned));
}

bool LimitNode::has_moved(std::uint64_t round) {
    if (at_least_ == kMax || round == moved_round_) return false;
    const std::uint64_t change =
        std::max(at_least_, moved_from_).value - std::min(at_least_, moved_from_).value;
    if (change <= limit_.value / 20) return false;
    moved_from_ = at_least_;
    moved_round_ = round;
    return true;
}

std::shared_ptr<LimitNode> LimitTree::node(const std::string& path) {
    const auto found = nodes_.find(path);
    if (found != nodes_.end())
        if (auto known = found->second.lock()) return known;
    std::erase_if(nodes_, [](const auto& each) { return each.second.expired(); });
    std::shared_ptr<LimitNode> parent;
    if (path.size() > mount_.size()) parent = node(path.substr(0, path.rfind('/')));
    auto made = std::make_shared<LimitNode>(path, std::move(parent));
    nodes_[path] = made;
    return made;
}

std::shared_ptr<LimitNode> LimitTree::above(const std::string& path) {
    if (path.size() <= mount_.size() + 1 || !path.starts_with(mount_) || path[mount_.size()] != '/')
        return nullptr;
    return node(path.substr(0, path.rfind('/')));
}

}  // namespace cgroups
