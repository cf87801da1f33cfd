// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/glob.hpp"

#include "policies/policy.hpp"

namespace policies {
namespace {

constexpr auto kNone = std::string_view::npos;

/// Index of the `]` that closes the class which opens at `open`; kNone when there is none. A `]` in first
/// place is a member.
std::size_t class_end(std::string_view pattern, std::size_t open) {
    auto at = open + 1;
    if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
    return pattern.find(']', at + 1);
}

bool class_matches(std::string_view members, char c) {
    const bool negated = members.front() == '!' || members.front() == '^';
    if (negated) members.remove_prefix(1);
    const auto value = static_cast<unsigned char>(c);
    bool found = false;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const auto low = static_cast<unsigned char>(members[i]);
        if (i + 2 < members.size() && members[i + 1] == '-') {
            const auto high = static_cast<unsigned char>(members[i + 2]);
            found = found || (low <= value && value <= high);
            i += 2;
        } else {
            found = found || low == value;
        }
    }
    return found != negated;
}

/// Does the pattern's element at `at` (anything but `*`) match `c`? Gives the element's length, 0 when it
/// does not.
std::size_t element_length(std::string_view pattern, std::size_t at, char c) {
    if (pattern[at] == '?') return 1;
    if (pattern[at] == '[') {
        const auto end = class_end(pattern, at);
        // An unclosed class is an ordinary character, as in a shell.
        if (end != kNone) return class_matches(pattern.substr(at + 1, end - at - 1), c) ? end - at + 1 : 0;
    }
    return pattern[at] == c ? 1 : 0;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    // Only the last star is ever tried again: what an earlier one took needs no second thought. This is what
    // keeps "a*a*a*a*b" from being exponential.
    std::size_t star = kNone;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
            continue;
        }
        if (p < pattern.size()) {
            if (const auto length = element_length(pattern, p, text[t]); length != 0) {
                p += length;
                ++t;
                continue;
            }
        }
        if (star == kNone) return false;
        p = star + 1;
        t = ++resume;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool is_literal(std::string_view pattern) {
    return pattern.find_first_of("*?[") == kNone;
}

std::optional<GlobProblem> glob_problem(std::string_view pattern) {
    if (pattern.empty()) return GlobProblem{0, "the pattern is empty: it matches nothing"};
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] != '[') continue;
        const auto end = class_end(pattern, i);
        if (end == kNone) return GlobProblem{i, "'[' is not closed"};
        const auto members = pattern.substr(i + 1, end - i - 1);
        for (std::size_t m = 0; m + 2 < members.size(); ++m) {
            if (members[m + 1] != '-') continue;
            if (static_cast<unsigned char>(members[m]) > static_cast<unsigned char>(members[m + 2])) {
                return GlobProblem{i, "the range '" + std::string(members.substr(m, 3)) + "' runs backwards"};
            }
            m += 2;
        }
        i = end;
    }
    return std::nullopt;
}

}  // namespace policies
