// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/hooks/courier.hpp"
#include "governor/journal/delivery.hpp"
#include "governor/metrics/registry.hpp"
#include "governor/ports.hpp"
#include "governor/publish/publisher.hpp"
#include "policies/hook.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <nlohmann/json.hpp>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace governor::hooks {

/// All targets of the policy in force, a courier for each. Loop's thread only.
class Hooks {
  public:
    struct Parts {
        boost::asio::any_io_executor loop;
        journal::EventStore& store;
        journal::Cursors& cursors;
        journal::DeadLetters& dead;
        publish::Publisher& publisher;
        metrics::Registry& metrics;
        Clock clock;
        std::string host;  ///< its name, for those who hear from several
        std::string proc = "/proc";
    };
    explicit Hooks(Parts parts) : parts_(std::move(parts)) {}
    /// The daemon's end: attempts under way are stopped, and waited for a moment, because the libraries in
    /// which they are do not outlive the process's exit.
    ~Hooks();
    Hooks(const Hooks&) = delete;
    Hooks& operator=(const Hooks&) = delete;

    /// Those of the policy from now on. One that is the same as before goes on undisturbed; a changed one
    /// goes on from its position in the journal; of one that is gone the position is forgotten, also when it
    /// went while no governor ran.
    void use(const std::vector<policies::Hook>& hooks);

    /// For `status`: {"name", "kind", "state", "delivered", "failed", "undelivered", "waiting",
    /// "last_error"}. No URL: it may hold a token.
    nlohmann::json describe() const;

  private:
    struct Entry {
        policies::Hook hook;
        std::unique_ptr<Courier> courier;
    };

    std::unique_ptr<Courier> make_courier(const policies::Hook& hook);

    Parts parts_;
    std::map<std::string, Entry> entries_;
    std::vector<std::weak_ptr<const void>> threads_;  ///< that were begun, and may run still
    std::minstd_rand chance_{std::random_device{}()};
};

}  // namespace governor::hooks
