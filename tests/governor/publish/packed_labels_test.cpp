// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/packed_labels.hpp"

#include <gtest/gtest.h>

namespace governor::publish {
namespace {

TEST(PackedLabels, ComeOutAsTheyWentIn) {
    using namespace std::string_literals;
    for (const PackedLabels::Map& labels :
         {PackedLabels::Map{}, PackedLabels::Map{{"", ""}},
          PackedLabels::Map{{"a", ""}, {"b", std::string(70'000, 'x')}},
          PackedLabels::Map{{"com.docker.compose.", "the prefix alone"}, {"com.docker.compos", "nearly"}},
          PackedLabels::Map{{std::string(200, 'k'), std::string(127, 'v')},
                            {"team", std::string(128, '\xff')}},
          PackedLabels::Map{{"with\0zero"s, "\0"s}, {"com.docker.compose.service", "gr\xc3\xbc\xc3\x9f"}}})
        EXPECT_EQ(PackedLabels(labels).unpack(), labels);
}

}  // namespace
}  // namespace governor::publish
