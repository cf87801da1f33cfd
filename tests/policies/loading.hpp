// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/load.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// Short ways to load a text and to look at what came out.
namespace policies::testing {

inline std::optional<std::string> no_environment(std::string_view) {
    return std::nullopt;
}

inline LoadResult load_text(std::string text, const Environment& environment = no_environment) {
    return load({{"policy.yaml", std::move(text)}}, environment);
}

/// A file with one policy named "worker", whose lines (from line 4 on) are given with their indent of 4.
inline std::string worker(const std::string& lines) {
    return "version: 1\nservices:\n  worker:\n" + lines;
}
inline std::string matched_worker(const std::string& lines) {
    return worker("    match: { service: worker }\n" + lines);
}

inline std::string all_of(const LoadResult& result) {
    std::string out;
    for (const auto& diagnostic : result.diagnostics) out += to_string(diagnostic) + "\n";
    return out;
}

inline std::size_t count(const LoadResult& result, Severity severity) {
    return static_cast<std::size_t>(std::ranges::count(result.diagnostics, severity, &Diagnostic::severity));
}

/// The first diagnostic whose message has this in it.
inline const Diagnostic* find(const LoadResult& result, std::string_view part) {
    const auto found = std::ranges::find_if(result.diagnostics, [&](const auto& diagnostic) {
        return diagnostic.message.find(part) != std::string::npos;
    });
    return found == result.diagnostics.end() ? nullptr : &*found;
}

/// What one mistake must lead to: refused, with this in a message or hint, at this line.
inline void expect_error(const std::string& text, std::string_view part, int line,
                         const Environment& environment = no_environment) {
    const auto result = load_text(text, environment);
    EXPECT_FALSE(result.policy) << text;
    const auto found = std::ranges::find_if(result.diagnostics, [&](const Diagnostic& d) {
        return d.severity == Severity::kError && d.line == line &&
               (d.message.find(part) != std::string::npos || d.hint.find(part) != std::string::npos);
    });
    EXPECT_NE(found, result.diagnostics.end()) << "wanted at line " << line << ": " << part << "\n"
                                               << text << "\n"
                                               << all_of(result);
    EXPECT_EQ(count(result, Severity::kError), 1U) << "one mistake, one error:\n" << all_of(result);
}

inline std::string read_file(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline std::string preset_path(std::string_view name) {
    return std::string(GOVERNOR_SOURCE_DIR) + "/policies/presets/" + std::string(name);
}

}  // namespace policies::testing
