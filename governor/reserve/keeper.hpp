// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/write_watch.hpp"
#include "governor/async/worker.hpp"
#include "governor/ports.hpp"
#include "governor/reserve/drift.hpp"
#include "governor/reserve/plan.hpp"
#include "governor/reserve/survey.hpp"
#include "governor/systemd/units.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace governor::reserve {

/// A reservation as it is, for `status`, `explain` and the metrics.
struct Standing {
    std::optional<cgroups::Bytes> min;
    std::optional<cgroups::Bytes> low;
    bool known = false;  ///< the effective values were computed at least once
    cgroups::EffectiveProtection effective;
    bool short_of_min = false;
    bool short_of_low = false;
    bool via_systemd = false;  ///< systemd keeps the values too; else they are in the kernel's files only
    std::string why_short;     ///< one sentence; empty when all that was asked is guaranteed
};

/// Keeps reservations and swap limits in force on the containers and on every ancestor: writes the kernel's
/// files at once, tells systemd so that the values outlive a daemon-reload, looks again when the bus tells of
/// a change and every few seconds anyway, and says what was changed by whom. Loop's thread only.
class Keeper final : public Companion {
  public:
    struct Parts {
        boost::asio::any_io_executor loop;
        systemd::Units* units = nullptr;  ///< null where systemd does not manage the containers
        async::Worker& worker;
        publish::EventSink& sink;
        cgroups::Processes processes;
        Clock clock;
        std::string mount;
        bool recursive = true;        ///< mount option memory_recursiveprot
        policies::Bytes host_memory;  ///< base of sizes in percent
        /// The governor's own cgroup and what it set as its own memory.min: an ancestor that it shares with a
        /// reserved container must carry both.
        std::optional<Claim> own;
    };
    explicit Keeper(Parts parts);

    /// Looks every few seconds, and sooner when there is a reason, until cancelled.
    boost::asio::awaitable<void> run();
    /// Brings every value to what it should be, now. Never blocks.
    void look();
    /// The same for reservations, for containers that something happened to, and for a share of the others:
    /// what else changes a file is heard of when it happens.
    void look_around();

    void on_armed(const Care& care) override;
    void on_ended(const std::string& id) override;
    void on_touched(const std::string& id, Touch what) override;

    policies::TimePoint next_look() const { return next_look_; }

    /// Nothing for a container without a reservation.
    std::optional<Standing> standing(const std::string& id) const;

  private:
    struct Kept {
        Care care;
        std::optional<cgroups::Bytes> min;
        std::optional<cgroups::Bytes> low;
        std::optional<cgroups::Bytes> swap;
        std::optional<int> oom_score_adj;
        Standing standing;
        bool told = false;         ///< `reserved` was published for this run
        bool told_short = false;   ///< `protection_short` too
        std::string told_problem;  ///< the last problem with oom_score_adj that was logged
    };
    using Wanted = std::map<Place, cgroups::Bytes>;

    void listen();
    bool is_echo(const std::string& unit) const;
    void open_writes();
    void wait_for_writes();
    void on_writes();
    void watch(const cgroups::SharedText& path, bool reserved);
    void unwatch(const std::string& path);
    void forget_own_writes();
    void look_soon();
    void look_soon_at(const std::string& id);
    void look_at_reservations();
    void tend(const std::string& id);
    void tend_due();
    std::vector<Claim> claims() const;
    void find_baselines(const std::vector<Claim>& claims);
    void find_old_notes();
    void put(const Place& place, cgroups::Bytes wanted);
    void tell_drift(const Place& place, cgroups::Bytes found, cgroups::Bytes wanted, bool storm);
    void tell_systemd(const Wanted& wanted);
    void on_outcome(const std::string& unit, const Wanted& sent, const systemd::Outcome& outcome);
    static bool reserves(const Kept& kept) { return kept.min || kept.low; }
    void forget_unclaimed(const std::vector<Claim>& claims);
    void start_survey(const std::set<std::string>& others);
    void on_findings(const std::vector<Finding>& findings);
    void judge(Kept& kept, const Finding& finding);
    const Kept* owner(const std::string& path) const;
    bool may_lower() const;

    Parts parts_;
    boost::asio::steady_timer timer_;
    policies::TimePoint started_at_;
    policies::TimePoint next_look_;
    bool surveying_ = false;
    bool notes_found_ = false;
    std::map<cgroups::SharedText, Kept, std::less<>> kept_;                    ///< by container id
    std::map<cgroups::SharedText, cgroups::SharedText, std::less<>> by_path_;  ///< cgroup to container id
    /// Of those without a reservation: who is looked at next time.
    std::set<std::string> touched_;
    bool all_ = true;     ///< all of them
    std::string tended_;  ///< where their turn has come to
    std::map<std::string, Baseline> baselines_;
    std::map<Place, Drift> drifts_;
    Wanted at_systemd_;             ///< what systemd has confirmed
    std::set<std::string> asking_;  ///< units with a call under way
    std::map<std::string, policies::TimePoint> own_calls_;
    std::map<std::string, Hints> hints_;  ///< by unit; "" for all
    std::optional<cgroups::WriteWatch> writes_;
    std::optional<boost::asio::posix::stream_descriptor> write_events_;
    std::map<Place, int> watched_;
    std::map<int, const Place*> watched_by_id_;             ///< into watched_
    std::map<std::string, std::set<Knob>> foreign_writes_;  ///< by cgroup, since the last look
    bool wrote_ = false;                                    ///< in this look
    std::string told_outcome_;
    std::set<Place> failing_;
    std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

}  // namespace governor::reserve
