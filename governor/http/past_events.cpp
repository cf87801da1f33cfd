// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/http/past_events.hpp"

namespace governor::http {

boost::asio::awaitable<std::vector<publish::PublishedPtr>> KeptEvents::between(
    std::chrono::system_clock::time_point from, std::chrono::system_clock::time_point until) {
    auto found = publisher_.recent({});
    std::erase_if(found, [from, until](const publish::PublishedPtr& published) {
        return published->record.time < from || published->record.time > until;
    });
    co_return found;
}

}  // namespace governor::http
