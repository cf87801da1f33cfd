// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/quantity.hpp"

#include <gtest/gtest.h>

namespace policies {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(ParseBytes, ReadsWhatComposeReads) {
    EXPECT_EQ(parse_bytes("2GiB").value, 2_GiB);
    EXPECT_EQ(parse_bytes("2g").value, 2_GiB);
    EXPECT_EQ(parse_bytes("512MiB").value, 512_MiB);
    EXPECT_EQ(parse_bytes("512m").value, 512_MiB);
    EXPECT_EQ(parse_bytes("1.5GiB").value, 1536_MiB);
    EXPECT_EQ(parse_bytes("1073741824").value, 1_GiB);
    EXPECT_EQ(parse_bytes("100b").value, Bytes{100});
    EXPECT_EQ(parse_bytes("4 KiB").value, 4_KiB);
    EXPECT_EQ(parse_bytes("0").value, Bytes{0});
}

TEST(ParseBytes, CountsDecimalNamesIn1024sToo) {
    EXPECT_EQ(parse_bytes("1kb").value, 1_KiB);
    EXPECT_EQ(parse_bytes("1MB").value, 1_MiB);
    EXPECT_EQ(parse_bytes("1GB").value, parse_bytes("1GiB").value);
}

TEST(ParseBytes, RefusesWhatIsNoSize) {
    for (const auto* text : {"",         " ",      "-1",     "-1g",     "+1",
                             "nan",      "inf",    "1e9",    "0x10",    "2GiB!",
                             "2Gi",      "2 GiB ", "2  g",   "1.2345g", "1.5",
                             "1.",       ".5g",    "1.5.5g", "1_000",   "99999999999999999999",
                             "9000000t", "16384p", "90%"}) {
        const auto parsed = parse_bytes(text);
        EXPECT_FALSE(parsed) << text;
        EXPECT_FALSE(parsed.message.empty()) << text;
    }
}

TEST(ParseBytes, TakesTheLargestAndRefusesTheNext) {
    EXPECT_EQ(parse_bytes("4611686018427387904").value, kLargestSize);
    EXPECT_FALSE(parse_bytes("4611686018427387905"));
    EXPECT_FALSE(parse_bytes("18446744073709551616"));
}

TEST(ParseBytes, NamesTheUnitThatIsWrong) {
    EXPECT_EQ(parse_bytes("2Gx").message, "is not a size: unknown unit 'Gx'");
    EXPECT_EQ(parse_bytes("-5m").message, "is not a size: it is negative");
}

TEST(ParseSize, KeepsAShareAsAShare) {
    EXPECT_EQ(parse_size("90%").value, percent(90));
    EXPECT_EQ(parse_size("87.5%").value->share, Permille{875});
    EXPECT_EQ(parse_size("2g").value, (Size{.bytes = 2_GiB, .share = std::nullopt}));
    EXPECT_EQ(parse_size("87.5%").value->of(1000_MiB), 875_MiB);
}

TEST(ParseShare, RefusesWhatIsNoShare) {
    for (const auto* text :
         {"", "%", "90", "90 %", "-1%", "87.55%", "90%%", "nan%", "1001%", "99999999999999999999%"}) {
        EXPECT_FALSE(parse_share(text)) << text;
    }
}

TEST(ParseDuration, ReadsSingleAndCombinedUnits) {
    EXPECT_EQ(parse_duration("250ms").value, milliseconds(250));
    EXPECT_EQ(parse_duration("10s").value, seconds(10));
    EXPECT_EQ(parse_duration("5m").value, minutes(5));
    EXPECT_EQ(parse_duration("6h").value, hours(6));
    EXPECT_EQ(parse_duration("1d").value, hours(24));
    EXPECT_EQ(parse_duration("1h30m").value, minutes(90));
    EXPECT_EQ(parse_duration("1m500ms").value, milliseconds(60500));
    EXPECT_EQ(parse_duration("1.5s").value, milliseconds(1500));
    EXPECT_EQ(parse_duration("0").value, milliseconds(0));
}

TEST(ParseDuration, RefusesWhatIsNoDuration) {
    for (const auto* text : {"", "10", "s", "-1s", "1s ", "1 s", "30m1h", "1h1h", "1.5ms", "10us", "1y",
                             "1h30", "inf", "1e3s", "99999999999999999999s", "9999999999d", "3650d1ms"}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
    EXPECT_EQ(parse_duration("3650d").value, kLongestDuration);
}

TEST(ParseInteger, HoldsItsRange) {
    EXPECT_EQ(parse_integer("5", 1, 10).value, 5);
    for (const auto* text : {"", "0", "11", "-1", "5x", "5.0", "99999999999", " 5"})
        EXPECT_FALSE(parse_integer(text, 1, 10)) << text;
}

TEST(ToString, WritesBytesForPeople) {
    EXPECT_EQ(to_string(Bytes{0}), "0B");
    EXPECT_EQ(to_string(Bytes{1023}), "1023B");
    EXPECT_EQ(to_string(1536_MiB), "1.5GiB");
    EXPECT_EQ(to_string(Bytes{241591910}), "230.4MiB");
    EXPECT_EQ(to_string(2_GiB - Bytes{1}), "2GiB");
    EXPECT_EQ(to_string(1_GiB - Bytes{1}), "1GiB");
    EXPECT_EQ(to_string(kUnlimited), "max");
    EXPECT_EQ(to_string(kUnlimited - Bytes{1}), "16384PiB");
}

TEST(ToString, WritesSharesAndDurationsForPeople) {
    EXPECT_EQ(to_string(Permille{900}), "90%");
    EXPECT_EQ(to_string(Permille{875}), "87.5%");
    EXPECT_EQ(to_string(Permille{-5}), "-0.5%");
    EXPECT_EQ(to_string(milliseconds(250)), "250ms");
    EXPECT_EQ(to_string(seconds(10)), "10s");
    EXPECT_EQ(to_string(milliseconds(1500)), "1.5s");
    EXPECT_EQ(to_string(hours(6)), "6h");
    EXPECT_EQ(to_string(minutes(90)), "1h30m");
    EXPECT_EQ(to_string(hours(24)), "1d");
    EXPECT_EQ(to_string(nanoseconds(0)), "0s");
    EXPECT_EQ(to_string(nanoseconds(120'000)), "120us");
    EXPECT_EQ(to_string(-seconds(3)), "-3s");
    EXPECT_EQ(to_string(nanoseconds::min()).front(), '-');
}

TEST(ToString, WritesWhatIsReadAgain) {
    for (const auto* text : {"1B", "4KiB", "1.25GiB", "512MiB", "2TiB"})
        EXPECT_EQ(to_string(*parse_bytes(text).value), text);
    for (const auto* text : {"250ms", "1.5s", "1h30m", "1d2h3m4s"})
        EXPECT_EQ(to_string(*parse_duration(text).value), text);
}

}  // namespace
}  // namespace policies
