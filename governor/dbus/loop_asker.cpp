// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/dbus/loop_asker.hpp"

#include <boost/asio/post.hpp>

#include <exception>
#include <utility>

namespace governor::dbus {

struct LoopAsker::State {
    State(boost::asio::any_io_executor loop_in, http::ControlApi& api_in)
        : loop(std::move(loop_in)), api(api_in) {}

    boost::asio::any_io_executor loop;
    http::ControlApi& api;
    std::mutex mutex;
    std::condition_variable changed;
    bool closed = false;
};

LoopAsker::LoopAsker(boost::asio::any_io_executor loop, http::ControlApi& api)
    : state_(std::make_shared<State>(std::move(loop), api)) {}

std::optional<http::Reply> LoopAsker::ask(Question question, std::chrono::milliseconds patience) {
    const auto state = state_;
    const auto answer = std::make_shared<std::optional<http::Reply>>();
    std::unique_lock lock(state->mutex);
    // Under the lock: after close() the loop may be gone.
    if (state->closed) return std::nullopt;
    boost::asio::post(state->loop, [state, answer, question = std::move(question)] {
        http::Reply reply;
        // Not under the lock: close() is called on this thread too.
        if (state->closed) return;
        try {
            reply = question(state->api);
        } catch (const std::exception& error) {
            reply = {500,
                     {{"error", std::string("the governor could not make this answer: ") + error.what()}}};
        }
        const std::lock_guard inner(state->mutex);
        *answer = std::move(reply);
        state->changed.notify_all();
    });
    state->changed.wait_for(lock, patience, [&] { return state->closed || answer->has_value(); });
    return *answer;
}

void LoopAsker::close() {
    const std::lock_guard lock(state_->mutex);
    state_->closed = true;
    state_->changed.notify_all();
}

}  // namespace governor::dbus
