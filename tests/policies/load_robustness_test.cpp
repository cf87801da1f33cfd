// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "tests/policies/loading.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace policies::testing {
namespace {

/// Pieces that mean something to YAML or to the policy: random bytes alone rarely get past the first line.
constexpr std::array<std::string_view, 32> kPieces{
    "*",     "&a ", "*a",   "!!str ",  "- ", "? ", ": ",
    ":",     "{",   "}",    "[",       "]",  "\"", "'",
    "\n",    "  ",  "\t",   "#",       "%",  "|",  ">",
    "---\n", "...", "<<: ", "${X}",    "${", "$",  "99999999999999999999",
    "-1",    "\r",  "any",  "\xC3\xA9"};

/// The mutations are the same on every machine: only the generator's raw numbers are used, which the standard
/// fixes.
class Mutator {
  public:
    explicit Mutator(unsigned seed) : random_(seed) {}

    std::string mutate(std::string text) {
        const auto edits = 1 + below(4);
        for (std::size_t i = 0; i < edits; ++i) edit(text);
        return text;
    }

  private:
    std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }

    void edit(std::string& text) {
        const auto at = below(text.size() + 1);
        const auto length = std::min(below(40), text.size() - at);
        switch (below(7)) {
            case 0:
                text.erase(at, length);
                break;
            case 1:
                text.insert(at, kPieces[below(kPieces.size())]);
                break;
            case 2:
                text.insert(at, text.substr(below(text.size()), 40));
                break;
            case 3:
                text.insert(at, 1, static_cast<char>(below(256)));
                break;
            case 4:
                text.resize(at);
                break;
            case 5:
                text.replace(at, length, kPieces[below(kPieces.size())]);
                break;
            default:
                if (at < text.size())
                    text[at] = static_cast<char>(static_cast<unsigned char>(text[at]) ^ (1U << below(8)));
        }
    }

    std::mt19937 random_;
};

/// Comments out of the way: they are most of a preset, and a change inside one tests nothing.
std::string without_comments(const std::string& text) {
    std::istringstream in(text);
    std::string out;
    for (std::string line; std::getline(in, line);) {
        const auto hash = line.find('#');
        line = line.substr(0, hash);
        if (line.find_first_not_of(' ') != std::string::npos) out += line + "\n";
    }
    return out;
}

TEST(LoadRobustness, SurvivesMutatedPresets) {
    Mutator mutator(20240501);
    std::size_t good = 0;
    std::size_t bad = 0;
    for (const auto* preset : {"jobmate.yaml", "observe.yaml", "generic-worker.yaml"}) {
        const auto original = without_comments(read_file(preset_path(preset)));
        ASSERT_TRUE(load_text(original).policy) << all_of(load_text(original));
        for (int i = 0; i < 2000; ++i) {
            const auto text = mutator.mutate(original);
            LoadResult result;
            ASSERT_NO_THROW(result = load_text(text)) << text;
            ASSERT_EQ(result.policy.has_value(), count(result, Severity::kError) == 0) << text;
            for (const auto& diagnostic : result.diagnostics) {
                ASSERT_GE(diagnostic.line, 1) << text << all_of(result);
                ASSERT_GE(diagnostic.column, 1) << text << all_of(result);
                ASSERT_FALSE(diagnostic.message.empty());
                ASSERT_FALSE(to_string(diagnostic).empty());
            }
            ++(result.policy ? good : bad);
        }
    }
    // A loop that only ever made one kind would test little.
    EXPECT_GT(good, 100U);
    EXPECT_GT(bad, 1000U);
}

TEST(LoadRobustness, SurvivesEveryPrefix) {
    const auto text = without_comments(read_file(preset_path("jobmate.yaml")));
    for (std::size_t length = 0; length < text.size(); ++length) {
        const auto result = load_text(text.substr(0, length));
        EXPECT_EQ(result.policy.has_value(), count(result, Severity::kError) == 0) << length;
    }
}

}  // namespace
}  // namespace policies::testing
