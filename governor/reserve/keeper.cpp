// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/reserve/keeper.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace governor::reserve {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

/// A drift is seen within ten seconds without any bus.
constexpr policies::Duration kLookEvery = 8s;
/// Several signals come for one change, and systemd writes the files a moment after it has answered.
constexpr policies::Duration kSoon = 200ms;
/// Signals that follow our own call are its echo.
constexpr policies::Duration kEcho = 2s;
/// A governor that has just started does not know all containers yet: what looks unclaimed may be claimed.
constexpr policies::Duration kSettle = 20s;

std::optional<cgroups::Bytes> bytes_of(const std::optional<policies::Size>& size, policies::Bytes base) {
    if (!size) return std::nullopt;
    return cgroups::Bytes{size->of(base).value};
}

}  // namespace

Keeper::Keeper(Parts parts) : parts_(std::move(parts)), timer_(parts_.loop), started_at_(parts_.clock()) {
    next_look_ = started_at_ + kSoon;
    open_writes();
    if (parts_.units != nullptr) listen();
}

void Keeper::listen() {
    const auto when_alive = [alive = std::weak_ptr(alive_)](auto call) {
        if (!alive.expired()) call();
    };
    systemd::Listener listener;
    listener.unit_changed = [this, when_alive](const std::string& unit) {
        when_alive([&] {
            if (!is_echo(unit)) hints_[unit].unit_changed = parts_.clock();
            all_ = true;
            look_soon();
        });
    };
    listener.reloaded = [this, when_alive] {
        when_alive([&] {
            hints_[""].reload = parts_.clock();
            all_ = true;
            look_soon();
        });
    };
    listener.availability = [this, when_alive](bool usable, const std::string& why) {
        when_alive([&] {
            // A systemd that comes back may have forgotten: it is told everything again.
            at_systemd_.clear();
            all_ = true;
            if (usable) return look_soon();
            if (!why.empty()) spdlog::warn("{}", why);
            for (auto& [id, kept] : kept_) kept.standing.via_systemd = false;
        });
    };
    parts_.units->listen(std::move(listener));
}

bool Keeper::is_echo(const std::string& unit) const {
    const auto own = own_calls_.find(unit);
    return own != own_calls_.end() && parts_.clock() - own->second <= kEcho;
}

void Keeper::look_soon() {
    const policies::TimePoint soon = parts_.clock() + kSoon;
    if (next_look_ <= soon) return;
    next_look_ = soon;
    timer_.cancel();
}

/// One container that may have no reservation.
void Keeper::look_soon_at(const std::string& id) {
    touched_.insert(id);
    look_soon();
}

asio::awaitable<void> Keeper::run() {
    while (true) {
        timer_.expires_at(asio::steady_timer::time_point(
            std::chrono::duration_cast<asio::steady_timer::duration>(next_look_.time_since_epoch())));
        co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
            co_return;
        const policies::TimePoint now = parts_.clock();
        if (now < next_look_) continue;
        next_look_ = now + kLookEvery;
        look_around();
    }
}

// ---- containers that come and go
// ------------------------------------------------------------------------------------------

void Keeper::on_armed(const Care& care) {
    const auto& policy = care.target.policy;
    const auto before = kept_.find(care.target.subject->id);
    if (!policy || policy->name.empty() || !care.target.run) {
        on_ended(care.target.subject->id);
        return;
    }
    Kept kept{care, {}, {}, {}, policy->memory.oom_score_adj, {}, false, false, {}};
    kept.care.target.addresses.clear();  // nobody here speaks to it
    if (care.swap) kept.swap = cgroups::Bytes{care.swap->value};
    if (policy->reserve) {
        kept.min = bytes_of(policy->reserve->min, parts_.host_memory);
        kept.low = bytes_of(policy->reserve->low, parts_.host_memory);
        if (policy->reserve->swap) kept.swap = bytes_of(policy->reserve->swap, parts_.host_memory);
        if (policy->reserve->oom_score_adj) kept.oom_score_adj = policy->reserve->oom_score_adj;
        kept.standing.min = kept.min;
        kept.standing.low = kept.low;
    }
    if (before != kept_.end()) {
        const Kept& old = before->second;
        const bool same =
            old.care.target.run == care.target.run && old.min == kept.min && old.low == kept.low;
        if (same) {
            kept.standing = old.standing;
            kept.told = old.told;
            kept.told_short = old.told_short;
        }
        kept.told_problem = old.told_problem;
        if (old.min && !kept.min) kept.min = cgroups::Bytes{};  // a reload took it away
        if (old.low && !kept.low) kept.low = cgroups::Bytes{};
    }
    const bool alone = !reserves(kept) && (before == kept_.end() || !reserves(before->second));
    if (before != kept_.end()) by_path_.erase(before->second.care.target.run->directory.path());
    by_path_[care.target.run->directory.shared_path()] = care.target.subject->id;
    const bool has_adj = kept.oom_score_adj.has_value();
    kept_.insert_or_assign(care.target.subject->id, std::move(kept));
    if (!alone) return look();
    // Nobody's ancestors change with it: a look at all of them for each would make a start quadratic.
    tend(care.target.subject->id);
    if (has_adj) look_soon_at(care.target.subject->id);
}

void Keeper::on_ended(const std::string& id) {
    const auto found = kept_.find(id);
    if (found == kept_.end()) return;
    const std::string path = found->second.care.target.run->directory.path();
    kept_.erase(found);
    by_path_.erase(path);
    touched_.erase(id);
    unwatch(path);
    for (const Knob knob : {Knob::kMin, Knob::kLow, Knob::kSwapMax}) {
        drifts_.erase({path, knob});
        at_systemd_.erase({path, knob});
    }
    hints_.erase(unit_of(path));
    own_calls_.erase(unit_of(path));
    // The ancestors are lowered at the next look: a container that is being recreated keeps them up.
}

void Keeper::on_touched(const std::string& id, Touch what) {
    const auto found = kept_.find(id);
    if (found == kept_.end()) return;
    if (what == Touch::kUpdate)
        hints_[unit_of(found->second.care.target.run->directory.path())].docker_update = parts_.clock();
    look_soon_at(id);
}

const Keeper::Kept* Keeper::owner(const std::string& path) const {
    const auto id = by_path_.find(path);
    if (id == by_path_.end()) return nullptr;
    const auto kept = kept_.find(id->second);
    return kept == kept_.end() ? nullptr : &kept->second;
}

std::optional<Standing> Keeper::standing(const std::string& id) const {
    const auto found = kept_.find(id);
    if (found == kept_.end() || (!found->second.standing.min && !found->second.standing.low))
        return std::nullopt;
    return found->second.standing;
}

// ---- one look
// ------------------------------------------------------------------------------------------------------------

std::vector<Claim> Keeper::claims() const {
    std::vector<Claim> out;
    bool any = false;
    for (const auto& [id, kept] : kept_) {
        if (!reserves(kept)) continue;
        out.push_back({kept.care.target.run->directory.shared_path(), kept.min, kept.low, kept.swap});
        any = any || kept.standing.min || kept.standing.low;
    }
    // Its own protection counts at the ancestors, once these are raised at all.
    if (any && parts_.own) out.push_back(*parts_.own);
    return out;
}

void Keeper::look_at_reservations() {
    if (!notes_found_) find_old_notes();
    const std::vector<Claim> claimed = claims();
    find_baselines(claimed);
    Wanted wanted = plan(parts_.mount, claimed, baselines_);
    if (!may_lower()) {
        std::set<std::string> used;
        for (const Claim& claim : claimed)
            for (const std::string& ancestor : ancestors(parts_.mount, claim.path.str())) used.insert(ancestor);
        std::erase_if(wanted, [&](const auto& item) {
            return baselines_.contains(item.first.path) && !used.contains(item.first.path);
        });
    }
    for (const auto& [place, value] : wanted) {
        watch(place.path, true);
        put(place, value);
    }
    tell_systemd(wanted);
    if (may_lower()) forget_unclaimed(claimed);
}

bool Keeper::may_lower() const {
    return parts_.clock() - started_at_ >= kSettle;
}

/// What a governor before this one raised, and nobody may claim any more. Slices are nested a few levels deep
/// at most; containers are not looked at.
void Keeper::find_old_notes() {
    notes_found_ = true;
    constexpr int kDeepest = 4;
    std::vector<std::pair<std::string, int>> open{{parts_.mount, 0}};
    while (!open.empty()) {
        const auto [path, depth] = std::move(open.back());
        open.pop_back();
        const auto parent = cgroups::Directory::open(path);
        const auto names = parent ? parent->children() : tl::make_unexpected(parent.error());
        for (const std::string& name : names.value_or(std::vector<std::string>{})) {
            const std::string child = path + "/" + name;
            if (unit_of(child).ends_with(".scope") || unit_of(child).ends_with(".service")) continue;
            const auto directory = cgroups::Directory::open(child);
            if (!directory) continue;
            if (const auto note = directory->mark())
                if (const auto baseline = parse_note(*note)) baselines_.emplace(child, *baseline);
            if (depth + 1 < kDeepest && (name.ends_with(".slice") || depth == 0))
                open.emplace_back(child, depth + 1);
        }
    }
}

/// Remembers what an ancestor had before it is raised for the first time.
void Keeper::find_baselines(const std::vector<Claim>& claimed) {
    for (const Claim& claim : claimed) {
        if (!claim.min && !claim.low) continue;
        for (const std::string& path : ancestors(parts_.mount, claim.path.str())) {
            if (baselines_.contains(path)) continue;
            const auto directory = cgroups::Directory::open(path);
            if (!directory) continue;
            const auto note = directory->mark();
            std::optional<Baseline> known = note ? parse_note(*note) : std::nullopt;
            if (!known) {
                known = Baseline{directory->read_bytes("memory.min").value_or(cgroups::Bytes{}),
                                 directory->read_bytes("memory.low").value_or(cgroups::Bytes{})};
                // Without the note the next governor takes the raised value for what was there before: it is
                // not lowered then, which does no harm.
                static_cast<void>(directory->set_mark(to_note(*known)));
            }
            baselines_.emplace(path, *known);
        }
    }
}

/// Brings one file to its value, and tells when something else had changed it.
void Keeper::put(const Place& place, cgroups::Bytes wanted) {
    const auto directory = cgroups::Directory::open(place.path);
    const std::string file(file_of(place.knob));
    const auto found = directory ? directory->read_bytes(file) : tl::make_unexpected(directory.error());
    // Gone, or a kernel without swap accounting: nothing to keep.
    if (!found) return;
    const Drift::Verdict verdict = drifts_[place].look(parts_.clock(), *found, wanted);
    if (verdict == Drift::Verdict::kSame || verdict == Drift::Verdict::kWaiting) return;
    wrote_ = true;
    const auto written = directory->write_bytes(file, wanted);
    if (!written) {
        if (!written.error().gone() && failing_.insert(place).second)
            spdlog::error("{}: the reservation is not in force", written.error().message());
        return;
    }
    failing_.erase(place);
    if (verdict == Drift::Verdict::kSet) return;
    // systemd gave up our value, or never had it.
    at_systemd_.erase(place);
    tell_drift(place, *found, wanted, verdict == Drift::Verdict::kStorm);
}

void Keeper::tell_drift(const Place& place, cgroups::Bytes found, cgroups::Bytes wanted, bool storm) {
    Hints hints = hints_[""];
    const std::string unit = unit_of(place.path.str());
    if (const auto own = hints_.find(unit); !unit.empty() && own != hints_.end()) {
        hints.docker_update = own->second.docker_update;
        hints.unit_changed = own->second.unit_changed;
    }
    policies::Event event;
    event.type = storm ? policies::EventType::kDriftStorm : policies::EventType::kDriftRepaired;
    event.at = parts_.clock();
    event.file = file_of(place.knob);
    event.cause = likely_cause(event.at, hints);
    event.reason = {policies::Rule::kDrift,
                    policies::Quantity::of(policies::Bytes{found.value}),
                    policies::Quantity::of(policies::Bytes{wanted.value}),
                    {}};
    publish::Record record;
    record.type = policies::to_string(event.type);
    if (const Kept* kept = owner(place.path)) record.subject = kept->care.target.subject;
    record.event = event;
    record.detail = std::string(event.file) + " of " + place.path.str() + " was " +
                    policies::to_string(policies::Bytes{found.value}) + ", set back to " +
                    policies::to_string(policies::Bytes{wanted.value}) +
                    " (likely cause: " + std::string(event.cause) + ").";
    if (storm) {
        const policies::Duration pause = drifts_[place].pause_until() - event.at;
        record.detail += " It is changed again and again: the next repair comes no sooner than in " +
                         policies::to_string(pause) + ". Find what else sets it, and stop that.";
    }
    parts_.sink.publish(record);
}

/// A value that went back to what was there before the governor is nobody's any more.
void Keeper::forget_unclaimed(const std::vector<Claim>& claimed) {
    std::set<std::string> used;
    for (const Claim& claim : claimed)
        if (claim.min || claim.low)
            for (const std::string& ancestor : ancestors(parts_.mount, claim.path.str())) used.insert(ancestor);
    std::erase_if(baselines_, [&](const auto& item) {
        const std::string& path = item.first;
        if (used.contains(path)) return false;
        const std::string unit = unit_of(path);
        const auto directory = cgroups::Directory::open(path);
        if (directory && directory->read_bytes("memory.min").value_or(item.second.min) != item.second.min)
            return false;
        // systemd would raise it again at its next start.
        const bool told = parts_.units == nullptr || !parts_.units->available() || unit.empty() ||
                          at_systemd_.contains({path, Knob::kMin});
        if (!told) return false;
        if (directory) directory->clear_mark();
        unwatch(path);
        std::erase_if(drifts_, [&path](const auto& drift) { return drift.first.path == path; });
        std::erase_if(at_systemd_, [&path](const auto& sent) { return sent.first.path == path; });
        return true;
    });
}

}  // namespace governor::reserve
