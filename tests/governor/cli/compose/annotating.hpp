// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/compose/annotations.hpp"
#include "governor/cli/compose/project.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Policies and calls for the tests of `governor annotate`.
namespace governor::cli::compose {

using Policies = std::vector<policies::ServicePolicy>;

inline policies::Size size(policies::Bytes bytes) {
    policies::Size out;
    out.bytes = bytes;
    return out;
}

inline policies::ServicePolicy reserved(std::string name, std::string service, policies::Bytes min,
                                        policies::Bytes low) {
    policies::ServicePolicy out;
    out.name = std::move(name);
    out.match.service = {std::move(service)};
    out.reserve.emplace();
    if (min.value != 0) out.reserve->min = size(min);
    if (low.value != 0) out.reserve->low = size(low);
    return out;
}

/// Acts near OOM, without swap.
inline policies::ServicePolicy worker(std::string name, std::string service, policies::Bytes hard) {
    policies::ServicePolicy out;
    out.name = std::move(name);
    out.match.service = {std::move(service)};
    out.memory.hard = size(hard);
    out.memory.swap = policies::Size{};
    out.near_oom.emplace();
    return out;
}

inline Annotated run(const std::string& text, const Policies& policies,
                     std::optional<policies::Bytes> host = policies::Bytes{8ULL << 30U},
                     const std::string& project = {}) {
    const Request request{
        .compose = {"compose.yaml", text}, .project = project, .folder = "folder", .host_memory = host};
    return annotate(request, {.host = {}, .services = policies, .hooks = {}});
}

/// The tree without annotations and the two limits: what annotating must leave as it is.
inline std::string rest_of(const Node& node) {
    const Node& real = resolved(node);
    std::string out = node.kind == Node::Kind::kAlias ? "*" : "";
    out += std::to_string(static_cast<int>(real.kind)) + "<" + real.text + ">";
    for (const Node* item : real.items) out += "[" + rest_of(*item) + "]";
    for (const Entry& entry : real.entries) {
        if (entry.key->text == "annotations" || entry.key->text == "mem_limit" ||
            entry.key->text == "memswap_limit")
            continue;
        out += "{" + rest_of(*entry.key) + ":" + rest_of(*entry.value) + "}";
    }
    return out;
}

/// Annotates, and checks what must hold of every result: nothing else changed, as YAML and in the order of
/// its lines, and annotating again changes nothing.
inline Annotated annotated(const std::string& text, const Policies& policies,
                           std::optional<policies::Bytes> host = policies::Bytes{8ULL << 30U},
                           const std::string& project = {}) {
    Annotated out = run(text, policies, host, project);
    for (const auto& error : out.errors) ADD_FAILURE() << policies::to_string(error);
    if (!out.errors.empty()) return out;
    const auto again = run(out.text, policies, host, project);
    EXPECT_EQ(again.text, out.text);
    EXPECT_TRUE(std::ranges::all_of(again.differences, &Difference::by_hand));
    const std::string mark = "\xEF\xBB\xBF";
    const auto bare = [&](const std::string& yaml) { return yaml.starts_with(mark) ? yaml.substr(3) : yaml; };
    const Document before = parse(bare(text));
    const Document after = parse(bare(out.text));
    EXPECT_TRUE(before.root != nullptr && after.root != nullptr);
    if (before.root != nullptr && after.root != nullptr) {
        EXPECT_EQ(rest_of(*before.root), rest_of(*after.root));
    }
    return out;
}

/// The errors as they are printed.
inline std::vector<std::string> errors_of(const std::string& text, const Policies& policies) {
    const auto done = run(text, policies);
    EXPECT_TRUE(done.errors.empty() || done.text.empty()) << "half edited";
    std::vector<std::string> out;
    for (const auto& error : done.errors) out.push_back(policies::to_string(error));
    return out;
}

inline const Difference* difference(const Annotated& done, const std::string& key) {
    const auto found = std::ranges::find(done.differences, key, &Difference::key);
    return found == done.differences.end() ? nullptr : &*found;
}

}  // namespace governor::cli::compose
