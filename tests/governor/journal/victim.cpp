// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0

/// The process that crash_test kills: pours events into a journal, gives each stored one to a target, and
/// says on standard output what it did. `journal_victim FOLDER LIFE`; SIGTERM: pours no more, gives the rest,
/// ends.
///   p ID TEXT   an event has this id (said before it is appended)
///   c ID        all up to it is stored
///   d ID TEXT   the target was given it
#include "governor/journal/journal.hpp"
#include "tests/support/journaling.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <cstdlib>
#include <string>

namespace governor {
namespace {

constexpr std::uint64_t kAhead = 300;
constexpr int kBurst = 20;

void say(const std::string& line) {
    const std::string text = line + "\n";
    // A pipe takes a line of this size whole or not at all.
    if (::write(STDOUT_FILENO, text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::_Exit(1);
}

class Victim {
  public:
    Victim(std::string folder, std::string life)
        : life_(std::move(life)),
          // A clock that stands still: ids may rely on nothing but the file.
          journal_(
              io_.get_executor(), options(std::move(folder)), [] { return test::kDay; },
              [](const std::string& type, const std::string&) { say("told " + type); }) {}

    void run() {
        signals_.async_wait([this](auto, int) { ending_ = true; });
        const auto listening = journal_.on_committed([this](std::uint64_t up_to) {
            committed_ = up_to;
            say("c " + std::to_string(up_to));
            deliver();
        });
        journal_.load_cursor("target", [this](std::uint64_t after) {
            delivered_ = after;
            loaded_ = true;
            deliver();
        });
        while (!ending_ || !loaded_ || delivered_ < last_) {
            if (!ending_ && loaded_ && last_ <= std::max(delivered_, first_) + kAhead) pour();
            io_.restart();
            if (ending_ || last_ > delivered_ + kAhead || !loaded_) {
                io_.run_one();
            } else {
                io_.poll();
            }
        }
        signals_.cancel();
        journal_.close(std::chrono::seconds(30));
    }

  private:
    static journal::Options options(std::string folder) {
        journal::Options out;
        out.folder = std::move(folder);
        out.retention.size = policies::Bytes{1U << 30U};
        out.patience = std::chrono::seconds(30);
        return out;
    }

    void pour() {
        for (int i = 0; i < kBurst; ++i) {
            last_ = journal_.next_id();
            if (first_ == 0) first_ = last_;
            auto made = std::make_shared<publish::Published>(*test::event(last_));
            made->json = life_ + "." + std::to_string(++count_);
            say("p " + std::to_string(last_) + " " + made->json);
            journal_.append(made);
        }
    }

    void deliver() {
        if (reading_ || !loaded_) return;
        reading_ = true;
        journal_.read({.after = delivered_, .limit = 50}, [this](journal::Events events) {
            reading_ = false;
            if (!events || events->empty()) return;
            for (const auto& event : *events) {
                say("d " + std::to_string(event.id) + " " + event.json);
                delivered_ = event.id;
                journal_.advance_cursor("target", event.id);
            }
            deliver();
        });
    }

    std::string life_;
    boost::asio::io_context io_;
    boost::asio::signal_set signals_{io_, SIGTERM};
    journal::Journal journal_;
    std::uint64_t first_ = 0;
    std::uint64_t last_ = 0;
    std::uint64_t committed_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t count_ = 0;
    bool loaded_ = false;
    bool reading_ = false;
    bool ending_ = false;
};

}  // namespace
}  // namespace governor

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    governor::Victim(argv[1], argv[2]).run();
    return 0;
}
