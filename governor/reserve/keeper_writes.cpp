// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the keeper that hears of writes to the files at once, from whomever: systemd tells of none of
// the properties that are set through it (measured: 257).
#include "governor/reserve/keeper.hpp"

#include <spdlog/spdlog.h>

namespace governor::reserve {
namespace {

namespace asio = boost::asio;

/// systemd writes all files of a unit at once; a hand writes one.
constexpr std::size_t kSystemdsHand = 2;

}  // namespace

void Keeper::open_writes() {
    auto watch = cgroups::WriteWatch::open();
    if (!watch) {
        spdlog::warn("{}: changes of reservations are found at the next look, not at once",
                     watch.error().message());
        return;
    }
    writes_.emplace(std::move(*watch));
    write_events_.emplace(parts_.loop, ::dup(writes_->fd()));
    wait_for_writes();
}

void Keeper::wait_for_writes() {
    write_events_->async_wait(asio::posix::stream_descriptor::wait_read,
                              [this, alive = std::weak_ptr(alive_)](boost::system::error_code code) {
                                  if (code || alive.expired()) return;
                                  on_writes();
                                  wait_for_writes();
                              });
}

void Keeper::on_writes() {
    for (const int id : writes_->take()) {
        const auto found = watched_by_id_.find(id);
        if (found == watched_by_id_.end()) continue;
        const std::string& path = found->second->path;
        const std::string unit = unit_of(path);
        if (const auto whose = by_path_.find(path); whose != by_path_.end()) touched_.insert(whose->second);
        look_soon();
        if (unit.empty() || is_echo(unit)) continue;
        auto& files = foreign_writes_[path];
        files.insert(found->second->knob);
        if (files.size() >= kSystemdsHand) hints_[unit].unit_changed = parts_.clock();
    }
}

/// All of a cgroup's files, also one that nothing is wanted of: it tells systemd's hand from another. Without
/// a reservation one of those is enough; each watch takes kernel memory, and the kernel counts them.
void Keeper::watch(const cgroups::SharedText& path, bool reserved) {
    if (!writes_) return;
    for (const Knob knob : {Knob::kMin, Knob::kLow, Knob::kSwapMax}) {
        if (!reserved && knob == Knob::kMin) continue;
        const Place place{path, knob};
        if (watched_.contains(place)) continue;
        const auto id = writes_->add(path.str() + "/" + std::string(file_of(knob)));
        if (!id) continue;  // gone, or out of watches: the look every few seconds finds it
        watched_by_id_.insert_or_assign(*id, &watched_.emplace(place, *id).first->first);
    }
}

void Keeper::unwatch(const std::string& path) {
    if (!writes_) return;
    for (const Knob knob : {Knob::kMin, Knob::kLow, Knob::kSwapMax}) {
        const auto found = watched_.find({path, knob});
        if (found == watched_.end()) continue;
        writes_->remove(found->second);
        watched_by_id_.erase(found->second);
        watched_.erase(found);
    }
    foreign_writes_.erase(path);
}

/// What a look has written comes back as events of its own.
void Keeper::forget_own_writes() {
    foreign_writes_.clear();
    if (writes_ && wrote_) static_cast<void>(writes_->take());
    wrote_ = false;
}

}  // namespace governor::reserve
