// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/fd.hpp"
#include "governor/journal/store.hpp"
#include "tests/support/tree.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <string>

/// kill -9 while events pour in (journal/victim.cpp): nothing that was acknowledged is missing, no id names
/// two events, and a target is given everything, with the ids that it had.
namespace governor::journal {
namespace {

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int kKills = 20;  // a sanitizer's process takes its time to start
#else
constexpr int kKills = 200;
#endif
constexpr int kLongestLife = 25;  ///< milliseconds after the first event of a life

struct Seen {
    std::map<std::uint64_t, std::string> printed;
    std::set<std::uint64_t> stored;  ///< acknowledged
    std::map<std::uint64_t, std::string> delivered;
    std::string told;  ///< what the journal complained of
    std::string wrong;

    std::set<std::uint64_t> life;  ///< printed in this life
    std::uint64_t last_given = 0;  ///< in this life
    void begin_life() {
        life.clear();
        last_given = 0;
    }
    void take(const std::string& line);
};

void Seen::take(const std::string& line) {
    std::istringstream in(line);
    std::string what;
    std::uint64_t id = 0;
    std::string text;
    in >> what >> id >> text;
    if (what == "p") {
        if (const auto [at, fresh] = printed.emplace(id, text); !fresh)
            wrong += "id " + std::to_string(id) + " is that of " + at->second + " and of " + text + "\n";
        life.insert(id);
    } else if (what == "c") {
        stored.insert(life.begin(), life.upper_bound(id));
    } else if (what == "d") {
        if (const auto [at, fresh] = delivered.emplace(id, text); !fresh && at->second != text)
            wrong += "id " + std::to_string(id) + " was given as " + at->second + " and as " + text + "\n";
        if (id <= last_given) wrong += "given out of order: " + line + "\n";
        last_given = id;
    } else {
        told += line + "\n";
    }
}

/// One life of the victim.
class Process {
  public:
    Process(const std::string& folder, int life) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
        out_ = cgroups::UniqueFd(ends[0]);
        const cgroups::UniqueFd in(ends[1]);
        std::string program = GOVERNOR_JOURNAL_VICTIM;
        std::string where = folder;
        std::string number = std::to_string(life);
        std::array<char*, 4> arguments{program.data(), where.data(), number.data(), nullptr};
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, in.get(), STDOUT_FILENO);
        const int failed =
            ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ);
        ::posix_spawn_file_actions_destroy(&actions);
        if (failed != 0) throw std::runtime_error("cannot start " + program);
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;
    ~Process() {
        if (pid_ > 0) end(SIGKILL);
    }

    /// Reads for so long, from the first line on; -1: to the end. Whole lines only.
    void read(Seen& seen, int milliseconds) {
        using Clock = std::chrono::steady_clock;
        std::optional<Clock::time_point> until;
        while (true) {
            int left = -1;
            if (until && milliseconds >= 0) {
                left = static_cast<int>(
                    std::chrono::duration_cast<std::chrono::milliseconds>(*until - Clock::now()).count());
                if (left <= 0) return;
            }
            pollfd one{out_.get(), POLLIN, 0};
            if (::poll(&one, 1, left) <= 0) continue;
            std::array<char, 65'536> bytes{};
            const auto size = ::read(out_.get(), bytes.data(), bytes.size());
            if (size <= 0) return;
            if (!until) until = Clock::now() + std::chrono::milliseconds(milliseconds);
            pending_.append(bytes.data(), static_cast<std::size_t>(size));
            for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
                seen.take(pending_.substr(0, end));
                pending_.erase(0, end + 1);
            }
        }
    }
    int end(int signal) {
        ::kill(pid_, signal);
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return status;
    }
    void ask_to_end() const { ::kill(pid_, SIGTERM); }
    int wait() { return end(0); }

  private:
    pid_t pid_ = -1;
    cgroups::UniqueFd out_;
    std::string pending_;
};

TEST(JournalCrash, KilledAtRandomMomentsItLosesNothingThatWasAcknowledged) {
    const TempTree tree;
    Seen seen;
    std::random_device device;
    const auto seed = device();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    for (int life = 0; life < kKills; ++life) {
        seen.begin_life();
        Process victim(tree.path(), life);
        victim.read(seen, std::uniform_int_distribution<int>(0, kLongestLife)(random));
        victim.end(SIGKILL);
        victim.read(seen, -1);
        ASSERT_EQ(seen.wrong, "") << "life " << life;
    }
    seen.begin_life();
    Process last(tree.path(), kKills);
    last.read(seen, kLongestLife);
    last.ask_to_end();
    last.read(seen, -1);
    EXPECT_EQ(last.wait(), 0);
    EXPECT_EQ(seen.wrong, "");
    EXPECT_EQ(seen.told, "") << "a kill damages nothing";

    auto store = Store::open(tree.path("journal.db"), 0, 0);
    ASSERT_TRUE(store) << store.error().message;
    std::map<std::uint64_t, std::string> kept;
    const auto all = store->read({.limit = 100'000'000});
    ASSERT_TRUE(all) << all.error().message;
    for (const Stored& event : *all) kept.emplace(event.id, event.json);
    EXPECT_GT(seen.stored.size(), 100U) << "it was killed too early to show anything";
    for (const std::uint64_t id : seen.stored) {
        ASSERT_TRUE(kept.contains(id)) << "event " << id << " was acknowledged and is missing";
        ASSERT_EQ(kept[id], seen.printed[id]);
    }
    EXPECT_EQ(seen.delivered, kept) << "the target was given all of them, each with its id";
}

}  // namespace
}  // namespace governor::journal
