// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/exec_output.hpp"

#include <gtest/gtest.h>

#include <string>

namespace governor::docker {
namespace {

std::string frame(char stream, const std::string& payload) {
    const auto size = payload.size();
    std::string text{stream, '\0', '\0', '\0'};
    for (const unsigned shift : {24U, 16U, 8U, 0U}) text += static_cast<char>((size >> shift) & 0xFFU);
    return text + payload;
}

TEST(ExecOutput, JoinsFramesCutAnywhere) {
    const std::string stream =
        frame(1, "out") + frame(2, "") + frame(2, "err") + frame(1, std::string(300, 'z'));
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        ExecOutput output(1000);
        output.feed(std::string_view(stream).substr(0, cut));
        output.feed(std::string_view(stream).substr(cut));
        EXPECT_EQ(output.text(), "outerr" + std::string(300, 'z')) << cut;
        EXPECT_FALSE(output.truncated());
    }
}

TEST(ExecOutput, KeepsTheBeginning) {
    ExecOutput output(4);
    output.feed(frame(1, "abc") + frame(1, "def") + frame(1, "ghi"));
    EXPECT_EQ(output.text(), "abcd");
    EXPECT_TRUE(output.truncated());
}

TEST(ExecOutput, AHugeLengthTakesNoMemory) {
    ExecOutput output(4);
    output.feed(
        "\1\x01\x01\x01\xff\xff\xff\xff"
        "abcdef");
    EXPECT_EQ(output.text(), "abcd");
}

}  // namespace
}  // namespace governor::docker
