// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/dbus/outbox.hpp"

#include <poll.h>

#include <gtest/gtest.h>

namespace governor::dbus {
namespace {

publish::PublishedPtr event(std::uint64_t id) {
    auto made = std::make_shared<publish::Published>();
    made->record.sequence = id;
    return made;
}

bool readable(const Outbox& box) {
    pollfd waited{box.fd(), POLLIN, 0};
    return ::poll(&waited, 1, 0) == 1;
}

TEST(Outbox, GivesInOrderAndWakes) {
    Outbox box(10);
    box.open();
    EXPECT_FALSE(readable(box));
    box.push(event(1));
    box.push(event(2));
    EXPECT_TRUE(readable(box));
    box.clear();
    EXPECT_FALSE(readable(box));
    EXPECT_EQ(box.pop()->record.sequence, 1U);
    EXPECT_EQ(box.pop()->record.sequence, 2U);
    EXPECT_EQ(box.pop(), nullptr);
}

TEST(Outbox, IsBoundedAndCountsWhatItDrops) {
    Outbox box(2);
    box.open();
    for (std::uint64_t id = 1; id <= 5; ++id) box.push(event(id));
    EXPECT_EQ(box.size(), 2U);
    EXPECT_EQ(box.dropped(), 3U);
    EXPECT_EQ(box.pop()->record.sequence, 1U) << "the beginning of the trouble is kept";
}

TEST(Outbox, ClosedItKeepsNothingForLater) {
    Outbox box(2);
    box.push(event(1));
    EXPECT_FALSE(readable(box)) << "nobody is woken for what nobody hears";
    box.open();
    box.push(event(2));
    box.close();
    box.open();
    EXPECT_EQ(box.pop(), nullptr);
    EXPECT_EQ(box.dropped(), 0U) << "this is no loss";
}

}  // namespace
}  // namespace governor::dbus
