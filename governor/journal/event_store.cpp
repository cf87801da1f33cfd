// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/journal/event_store.hpp"

#include "governor/publish/publisher.hpp"

namespace governor::journal {

bool Query::matches(const publish::Record& record) const {
    if (record.sequence >= before) return false;
    const auto time = std::chrono::floor<std::chrono::milliseconds>(record.time);
    if ((since && time < *since) || (until && time > *until)) return false;
    return publish::Filter{service, types, after}.matches(record);
}

}  // namespace governor::journal
