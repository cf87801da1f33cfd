// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/line_writer.hpp"

#include "cgroup/fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <string>

namespace governor::publish {
namespace {

using namespace std::chrono_literals;
/// Only reached when a test hangs.
constexpr auto kGuard = 30s;

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) == 0) {
            read.reset(ends[0]);
            write.reset(ends[1]);
        }
    }
    std::string all() {
        write.reset();
        std::string out;
        std::array<char, 4096> buffer{};
        for (auto n = ::read(read.get(), buffer.data(), buffer.size()); n > 0;
             n = ::read(read.get(), buffer.data(), buffer.size())) {
            out.append(buffer.data(), static_cast<std::size_t>(n));
        }
        return out;
    }
    /// Fills the pipe, so that the next write waits; returns how much is in it.
    std::size_t fill() const {
        const int flags = ::fcntl(write.get(), F_GETFL);
        ::fcntl(write.get(), F_SETFL, flags | O_NONBLOCK);
        const std::string page(4096, '.');
        std::size_t total = 0;
        for (auto n = ::write(write.get(), page.data(), page.size()); n > 0;
             n = ::write(write.get(), page.data(), page.size())) {
            total += static_cast<std::size_t>(n);
        }
        ::fcntl(write.get(), F_SETFL, flags);
        return total;
    }
    std::string take(std::size_t count) const {
        std::string out(count, '\0');
        std::size_t have = 0;
        while (have < count) {
            const auto n = ::read(read.get(), out.data() + have, count - have);
            if (n <= 0) break;
            have += static_cast<std::size_t>(n);
        }
        out.resize(have);
        return out;
    }

    cgroups::UniqueFd read;
    cgroups::UniqueFd write;
};

TEST(LineWriter, WritesInOrderAndFlushesOnClose) {
    Pipe pipe;
    LineWriter writer(pipe.write.get(), {});
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(writer.write(std::to_string(i)));
    EXPECT_TRUE(writer.close(kGuard));
    std::string expected;
    for (int i = 0; i < 100; ++i) expected += std::to_string(i) + "\n";
    EXPECT_EQ(pipe.all(), expected);
    EXPECT_EQ(writer.lost(), 0U);
}

TEST(LineWriter, DropsNewLinesWhenNobodyReadsAndTellsOfThemAtTheGap) {
    Pipe pipe;
    const auto filled = pipe.fill();
    LineWriter::Options options;
    options.max_bytes = 10;
    options.gap_line = [](std::uint64_t lost) { return "lost " + std::to_string(lost); };
    LineWriter writer(pipe.write.get(), options);
    EXPECT_TRUE(writer.write("12345"));
    EXPECT_FALSE(writer.write("abcdefghij"));
    EXPECT_FALSE(writer.write("klmnopqrst"));
    EXPECT_TRUE(writer.write("ok"));
    EXPECT_EQ(writer.lost(), 2U);
    pipe.take(filled);
    writer.close(kGuard);
    EXPECT_EQ(pipe.all(), "12345\nlost 2\nok\n");
}

TEST(LineWriter, TellsOfTheLastGapOnClose) {
    Pipe pipe;
    const auto filled = pipe.fill();
    LineWriter::Options options;
    options.max_bytes = 6;
    LineWriter writer(pipe.write.get(), options);
    EXPECT_TRUE(writer.write("12345"));
    EXPECT_FALSE(writer.write("x"));
    pipe.take(filled);
    EXPECT_FALSE(writer.close(kGuard));
    EXPECT_EQ(pipe.all(), "12345\n(1 lines were lost here: the reader of this log was too slow)\n");
}

TEST(LineWriter, LongLinesGoThroughInPieces) {
    Pipe pipe;
    LineWriter writer(pipe.write.get(), {});
    const std::string line(20'000, 'x');
    writer.write(line);
    EXPECT_TRUE(writer.close(kGuard));
    EXPECT_EQ(pipe.all(), line + "\n");
}

TEST(LineWriter, SurvivesABrokenPipe) {
    Pipe pipe;
    pipe.read.reset();
    LineWriter writer(pipe.write.get(), {});
    EXPECT_TRUE(writer.write("nobody"));
    EXPECT_TRUE(writer.write("reads"));
    EXPECT_FALSE(writer.close(kGuard));
    EXPECT_EQ(writer.lost(), 2U);
}

TEST(LineWriter, SurvivesADescriptorThatIsNone) {
    LineWriter writer(-1, {});
    writer.write("lost");
    EXPECT_FALSE(writer.close(kGuard));
}

TEST(LineWriter, CloseGivesUpWhenNobodyReads) {
    Pipe pipe;
    pipe.fill();
    LineWriter writer(pipe.write.get(), {});
    writer.write("stuck");
    EXPECT_FALSE(writer.close(1ms));
    EXPECT_FALSE(writer.write("late"));
}

TEST(LineWriter, LeavesTheDescriptorAsItIs) {
    Pipe pipe;
    const int before = ::fcntl(pipe.write.get(), F_GETFL);
    LineWriter writer(pipe.write.get(), {});
    writer.write("x");
    writer.close(kGuard);
    EXPECT_EQ(::fcntl(pipe.write.get(), F_GETFL), before);
    EXPECT_EQ(::write(pipe.write.get(), "y", 1), 1);
}

}  // namespace
}  // namespace governor::publish
