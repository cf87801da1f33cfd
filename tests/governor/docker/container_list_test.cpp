// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/container_list.hpp"

#include <gtest/gtest.h>

namespace governor::docker {
namespace {

constexpr std::string_view kTwo =
    R"( [ {"Id":"a","State":"running","Command":"sh -c \"[ 1 ] && {x}, \\\\\"","Mounts":[{"a":[1,2]}]} , {"Id":"b","State":"exited"}] )";

TEST(ContainerList, PiecesMayBeCutAnywhere) {
    for (std::size_t cut = 0; cut <= kTwo.size(); ++cut) {
        ContainerListReader reader;
        reader.feed(kTwo.substr(0, cut));
        reader.feed(kTwo.substr(cut));
        const auto list = reader.finish();
        ASSERT_TRUE(list) << cut << ": " << list.error().message;
        ASSERT_EQ(list->size(), 2U) << cut;
        EXPECT_EQ((*list)[0].id, "a");
        EXPECT_EQ((*list)[1].state, "exited");
    }
}

TEST(ContainerList, NoTruncatedTextIsAccepted) {
    const std::string_view whole = kTwo.substr(0, kTwo.rfind(']') + 1);
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(parse_container_list(whole.substr(0, size))) << size;
}

TEST(ContainerList, EmptyAndNullAreNoContainers) {
    EXPECT_TRUE(parse_container_list("[]")->empty());
    EXPECT_TRUE(parse_container_list(" [ ]\n")->empty());
    EXPECT_TRUE(parse_container_list("null")->empty());
}

TEST(ContainerList, WhatIsNoListSaysSo) {
    EXPECT_NE(parse_container_list("{}").error().message.find("not a list"), std::string::npos);
    for (const char* text : {"", "[,]", "[{}", "[{},]", "[{}]x", "[}]", "nullnull", "<html>"})
        EXPECT_FALSE(parse_container_list(text)) << text;
}

TEST(ContainerList, OneEntryCannotTakeAllMemory) {
    ContainerListReader reader(100);
    reader.feed("[{\"Id\":\"");
    for (int i = 0; i < 1000; ++i) reader.feed("0123456789");
    EXPECT_NE(reader.finish().error().message.find("longer than"), std::string::npos);
}

TEST(ContainerList, NamesAContainerByItsOwnNameAndNotByALink) {
    const auto list = parse_container_list(
        R"([{"Id":"a","State":"running","Names":["/web/db","/shop-db-1"]},{"Id":"b","Names":null},{"Id":"c"}])");
    ASSERT_TRUE(list);
    EXPECT_EQ((*list)[0].name, "shop-db-1");
    EXPECT_EQ((*list)[1].name, "");
    EXPECT_EQ((*list)[2].name, "");
}

}  // namespace
}  // namespace governor::docker
