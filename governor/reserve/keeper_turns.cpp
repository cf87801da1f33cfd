// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of the keeper that looks after containers without a reservation: there may be thousands, and each
// has a swap limit or an oom_score_adj of its own that concerns nobody else.
#include "governor/reserve/keeper.hpp"

#include <utility>

namespace governor::reserve {
namespace {

/// One has its turn at every so many looks, unless something happens to it.
constexpr std::size_t kTurns = 8;

}  // namespace

void Keeper::look() {
    all_ = true;
    look_around();
}

void Keeper::look_around() {
    look_at_reservations();
    tend_due();
    forget_own_writes();
}

/// The swap limit of a container without a reservation.
void Keeper::tend(const std::string& id) {
    const auto found = kept_.find(id);
    if (found == kept_.end() || reserves(found->second) || !found->second.swap) return;
    const Place place{found->second.care.target.run->directory.shared_path(), Knob::kSwapMax};
    watch(place.path, false);
    put(place, *found->second.swap);
    tell_systemd({{place, *found->second.swap}});
}

void Keeper::tend_due() {
    std::set<std::string> due = std::exchange(touched_, {});
    const bool all = std::exchange(all_, false);
    const std::size_t share = all ? kept_.size() : (kept_.size() + kTurns - 1) / kTurns;
    auto next = kept_.upper_bound(tended_);
    for (std::size_t i = 0; i < share; ++i, ++next) {
        if (next == kept_.end()) next = kept_.begin();
        due.insert(next->first);
        tended_ = next->first;
    }
    for (const std::string& id : due) tend(id);
    start_survey(due);
}

}  // namespace governor::reserve
