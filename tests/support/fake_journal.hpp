// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/delivery.hpp"
#include "governor/journal/event_store.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace governor::test {

/// Events that the test puts in; answers are posted, as the real one's are. Of a query it obeys the ids, the
/// types, the limit and `newest`.
class FakeEventStore final : public journal::EventStore {
  public:
    explicit FakeEventStore(boost::asio::any_io_executor loop) : loop_(std::move(loop)) {}

    void put(journal::Stored event) {
        events.push_back(std::move(event));
        std::erase_if(listeners_, [](const auto& weak) { return weak.expired(); });
        for (const auto& weak : listeners_)
            boost::asio::post(loop_, [weak, id = events.back().id] {
                if (const auto listener = weak.lock()) (*listener)(id);
            });
    }
    void read(journal::Query query, ReadDone done) override {
        queries.push_back(query);
        boost::asio::post(loop_, [this, query = std::move(query), done = std::move(done)] {
            if (during_read) std::exchange(during_read, nullptr)();
            if (!problem.empty()) return done(tl::make_unexpected(problem));
            done(find(query));
        });
    }
    std::shared_ptr<void> on_committed(Committed committed) override {
        auto held = std::make_shared<Committed>(std::move(committed));
        listeners_.push_back(held);
        return held;
    }

    std::vector<journal::Stored> events;
    std::vector<journal::Query> queries;  ///< all that were asked
    std::string problem;                  ///< not empty: reads fail with it
    std::function<void()> during_read;    ///< called once, before the next answer

  private:
    std::vector<journal::Stored> find(const journal::Query& query) const {
        std::vector<journal::Stored> out;
        for (const auto& event : events) {
            const bool wanted =
                query.types.empty() || std::ranges::find(query.types, event.type) != query.types.end();
            if (event.id > query.after && event.id < query.before && wanted) out.push_back(event);
        }
        if (out.size() > query.limit) {
            const auto surplus = static_cast<std::ptrdiff_t>(out.size() - query.limit);
            if (query.newest) {
                out.erase(out.begin(), out.begin() + surplus);
            } else {
                out.erase(out.end() - surplus, out.end());
            }
        }
        return out;
    }

    boost::asio::any_io_executor loop_;
    std::vector<std::weak_ptr<Committed>> listeners_;
};

/// Positions in memory.
class FakeCursors final : public journal::Cursors {
  public:
    explicit FakeCursors(boost::asio::any_io_executor loop) : loop_(std::move(loop)) {}

    void load_cursor(std::string name, Loaded loaded) override {
        boost::asio::post(loop_, [after = positions[name], loaded = std::move(loaded)] { loaded(after); });
    }
    void advance_cursor(const std::string& name, std::uint64_t id) override {
        positions[name] = std::max(positions[name], id);
    }
    void keep_cursors(std::set<std::string> names) override {
        std::erase_if(positions, [&](const auto& each) { return !names.contains(each.first); });
    }

    std::map<std::string, std::uint64_t> positions;

  private:
    boost::asio::any_io_executor loop_;
};

/// Letters in memory.
class FakeDeadLetters final : public journal::DeadLetters {
  public:
    explicit FakeDeadLetters(boost::asio::any_io_executor loop) : loop_(std::move(loop)) {}

    void add_dead(journal::DeadLetter letter) override { letters.push_back(std::move(letter)); }
    void list_dead(std::size_t limit, Listed listed) override {
        const auto count = static_cast<std::ptrdiff_t>(std::min(limit, letters.size()));
        std::vector<journal::DeadLetter> last(letters.end() - count, letters.end());
        boost::asio::post(loop_, [last = std::move(last), listed = std::move(listed)]() mutable {
            listed(std::move(last));
        });
    }

    std::vector<journal::DeadLetter> letters;

  private:
    boost::asio::any_io_executor loop_;
};

}  // namespace governor::test
