// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/async/exit_deadline.hpp"

#include <signal.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <csignal>
#include <utility>

namespace governor::async {

struct ExitDeadline::Shared {
    explicit Shared(Options options_in) : options(std::move(options_in)) {
        signals.async_wait([this](boost::system::error_code code, int) {
            if (!code) begin();
        });
    }

    void begin() {
        if (started.exchange(true)) return;
        timer.expires_after(options.limit);
        timer.async_wait([this](boost::system::error_code code) {
            if (!code) options.expired(step.load());
        });
    }

    Options options;
    boost::asio::io_context loop{1};
    boost::asio::signal_set signals{loop, SIGTERM, SIGINT};
    boost::asio::steady_timer timer{loop};
    std::atomic<bool> started{false};
    std::atomic<const char*> step{"the start"};
};

ExitDeadline::ExitDeadline(Options options) : shared_(std::make_shared<Shared>(std::move(options))) {
    thread_ = std::thread([shared = shared_] {
        // A signal is handled by the threads that may block; this one reads of it from Asio's pipe.
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
        shared->loop.run();
    });
}

ExitDeadline::~ExitDeadline() {
    if (started()) {
        thread_.detach();
        return;
    }
    shared_->loop.stop();
    thread_.join();
}

void ExitDeadline::start() {
    boost::asio::post(shared_->loop, [shared = shared_.get()] { shared->begin(); });
}

bool ExitDeadline::started() const {
    return shared_->started;
}

void ExitDeadline::step(const char* name) {
    shared_->step = name;
}

void ExitDeadline::end_process(const std::string& step) {
    const std::string line = "governor: " + step +
                             " did not end in time, so the process ends without it. The guardian releases "
                             "what is frozen.\n";
    // Standard error may be a pipe that is full: the alarm ends the process then.
    sigset_t alarm;
    ::sigemptyset(&alarm);
    ::sigaddset(&alarm, SIGALRM);
    ::signal(SIGALRM, SIG_DFL);
    ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
    ::alarm(1);
    static_cast<void>(!::write(STDERR_FILENO, line.data(), line.size()));
    ::_exit(1);
}

}  // namespace governor::async
