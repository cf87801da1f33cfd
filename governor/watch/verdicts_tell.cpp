// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
// The part of Verdicts that turns a judged kill into an event.
#include "governor/subject.hpp"
#include "governor/watch/verdicts.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace governor::watch {

namespace asio = boost::asio;
using policies::TimePoint;

void Verdicts::tell_ready() {
    for (JudgedKill& kill : book_.take(parts_.clock())) tell(std::move(kill), false);
    std::erase_if(removed_, [this](const std::string& id) {
        if (book_.knows(id)) return false;
        known_.erase(id);
        return true;
    });
    wake_at(book_.due());
}

void Verdicts::wake_at(TimePoint due) {
    if (due >= wake_at_) return;
    wake_at_ = due;
    timer_.cancel();
}

publish::Record Verdicts::record_of(const JudgedKill& kill) const {
    publish::Record record;
    policies::Event event;
    event.type = policies::EventType::kOomVerdict;
    event.at = kill.at;
    event.verdict = kill.judged.verdict;
    event.evidence = kill.judged.evidence;
    event.victim = kill.victim;
    event.count = 1;
    record.subject.change([&](publish::Subject& subject) { subject.id = kill.id; });
    if (const auto found = known_.find(kill.id); found != known_.end()) {
        const Known& known = found->second;
        record.subject = known.subject;
        event.hard = known.hard;
        for (const Known::Look& look : known.looks) {
            if (look.at > kill.at) continue;
            event.current = look.current;
            event.unreclaimable = look.unreclaimable;
            record.samples.push_back({kill.at - look.at, look.current, look.unreclaimable});
        }
    }
    record.type = policies::to_string(event.type);
    record.event = event;
    return record;
}

void Verdicts::tell(JudgedKill kill, bool missed) {
    publish::Record record = record_of(kill);
    if (kill.judged.docker_agrees && !record.subject->name.empty())
        return finish(kill, missed, std::move(record));
    asio::co_spawn(parts_.loop, ask_docker(std::move(kill), missed, std::move(record)),
                   [](const std::exception_ptr&) {});
}

/// For its name, and for its flag: the event may have been lost. Docker's client has its own time limits.
asio::awaitable<void> Verdicts::ask_docker(JudgedKill kill, bool missed, publish::Record record) {
    if (const auto details = co_await parts_.docker.inspect(kill.id)) {
        kill.judged.docker_agrees = kill.judged.docker_agrees || details->state.oom_killed;
        if (record.subject->name.empty()) record.subject = subject_of(*details);
    }
    finish(kill, missed, std::move(record));
}

void Verdicts::finish(const JudgedKill& kill, bool missed, publish::Record record) {
    // Of one that was missed, Docker's word may be about another.
    if (!missed) record.event->docker_agrees = kill.judged.docker_agrees;
    record.detail = explain_kill(kill, missed);
    parts_.sink.publish(record);
    if (!log_ || kill.log_sequence == 0) return;
    log_->was_told(kill.log_sequence);
    keep_cursor();
}

std::string explain_kill(const JudgedKill& kill, bool missed) {
    std::string out;
    switch (kill.judged.verdict) {
        case policies::Verdict::kOwnLimit:
            out = "The container came to its own hard limit.";
            break;
        case policies::Verdict::kAncestorLimit:
            out = kill.oom_memcg.empty()
                      ? "A limit above the container was reached, not its own."
                      : "The limit of " + kill.oom_memcg + " was reached, not the container's own.";
            break;
        case policies::Verdict::kHostOom:
            out = "The host ran out of memory, and the kernel chose a process of this container.";
            break;
        default:
            out = "Whose limit it was could not be seen.";
    }
    if (kill.victim.pid == 0) out += " Which process it was could not be seen.";
    if (missed) out += " It happened while the governor was not running.";
    return out;
}

}  // namespace governor::watch
