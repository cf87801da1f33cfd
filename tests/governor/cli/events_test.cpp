// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/app.hpp"
#include "governor/cli/cli.hpp"
#include "governor/http/server.hpp"
#include "governor/journal/journal.hpp"
#include "tests/support/run_task.hpp"
#include "tests/support/tree.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <sstream>
#include <thread>

/// `governor events` against a daemon's socket, publisher and journal, over two lives of that daemon.
namespace governor::cli {
namespace {

using Ids = std::vector<std::uint64_t>;

class NoApi final : public http::ControlApi {
  public:
    http::Reply status() override { return {}; }
    http::Reply explain(std::string_view) override { return {}; }
    http::Reply command(std::string_view, std::string_view) override { return {}; }
};

/// What the daemon wires together, as far as events need it.
class Life {
  public:
    explicit Life(const TempTree& tree)
        : socket_(tree.path("governor.sock")),
          journal_(io_.get_executor(), options(tree), std::chrono::system_clock::now, nullptr),
          publisher_(std::chrono::system_clock::now, nullptr, publishing()),
          server_(io_.get_executor(), serving(), api_, publisher_, &journal_) {
        if (const auto opened = server_.open(); !opened) throw std::runtime_error(opened.error());
        boost::asio::co_spawn(io_, server_.run(), boost::asio::detached);
    }

    std::uint64_t happen(const std::string& type) {
        publish::Record record;
        record.type = type;
        record.subject = publish::Subject{.service = "coach"};
        publisher_.publish(record);
        return publisher_.last_sequence();
    }
    struct Said {
        int code = 0;
        Ids ids;
        std::string out;
    };
    Said events(std::vector<std::string> words) {
        words.insert(words.begin(), {"events", "--json", "--socket", socket_});
        std::ostringstream out;
        std::ostringstream err;
        Said said;
        bool done = false;
        std::thread client([&] {
            said.code = run_command_line(words, Console{out, err, false});
            boost::asio::post(io_, [&] { done = true; });
        });
        EXPECT_TRUE(test::run_until(io_, [&] { return done; }));
        client.join();
        said.out = out.str();
        std::istringstream lines(said.out);
        for (std::string line; std::getline(lines, line);)
            said.ids.push_back(nlohmann::json::parse(line).at("id").get<std::uint64_t>());
        return said;
    }

  private:
    static journal::Options options(const TempTree& tree) {
        journal::Options out;
        out.folder = tree.path("state");
        out.patience = test::kGuard;
        return out;
    }
    publish::Publisher::Options publishing() {
        publish::Publisher::Options out;
        out.keep = 3;
        out.next_id = [this] { return journal_.next_id(); };
        out.store = [this](const publish::PublishedPtr& event) { journal_.append(event); };
        return out;
    }
    http::ServerOptions serving() const {
        http::ServerOptions out;
        out.path = socket_;
        return out;
    }

    std::string socket_;
    boost::asio::io_context io_;
    journal::Journal journal_;
    publish::Publisher publisher_;
    NoApi api_;
    http::Server server_;
};

TEST(Events, AreShownOverTwoLivesOfTheDaemon) {
    const TempTree tree;
    Ids told;
    {
        Life first(tree);
        for (int i = 0; i < 700; ++i) told.push_back(first.happen("armed"));
    }
    Life second(tree);
    for (int i = 0; i < 600; ++i) told.push_back(second.happen("brake"));
    const auto all = second.events({"--after", "0"});
    EXPECT_EQ(all.code, kGood);
    EXPECT_EQ(all.ids, told);
    EXPECT_EQ(second.events({}).ids, Ids(told.begin() + 300, told.end())) << "the last thousand";
    EXPECT_EQ(second.events({"--after", std::to_string(told[1'200])}).ids.size(), 99U);
    EXPECT_EQ(second.events({"--type", "armed", "--since", "1h"}).ids, Ids(told.begin(), told.begin() + 700));
    EXPECT_EQ(second.events({"--until", "1h"}).ids, Ids{});
    EXPECT_EQ(second.events({"--service", "nobody"}).ids, Ids{});
}

}  // namespace
}  // namespace governor::cli
