// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/substitute.hpp"

#include <algorithm>
#include <utility>

namespace policies {
namespace {

bool is_name(std::string_view name) {
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    return !name.empty() && letter(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return letter(c) || digit(c); });
}

Substituted refused(std::string message, std::string hint) {
    return {std::nullopt, true, std::move(message), std::move(hint)};
}

/// The value of what stands between the braces.
Substituted expand(std::string_view inside, const Environment& environment) {
    const auto colon = inside.find(":-");
    const auto name = inside.substr(0, colon);
    if (!is_name(name)) {
        // Not quoted: a secret that was written out may have a dollar sign in it.
        return refused("what stands in '${...}' does not name a variable",
                       "the forms are ${NAME} and ${NAME:-default}; a dollar sign itself is written $$");
    }
    const bool has_default = colon != std::string_view::npos;
    const auto fallback = has_default ? inside.substr(colon + 2) : std::string_view{};
    if (fallback.find('$') != std::string_view::npos) {
        return refused("the default of ${" + std::string(name) + "} has a variable in it",
                       "a default is plain text");
    }
    const auto value = environment ? environment(name) : std::nullopt;
    if (has_default && (!value || value->empty())) return {std::string(fallback), true, {}, {}};
    if (!value) {
        return refused("the environment variable " + std::string(name) + " is not set",
                       "set it, or give a default: ${" + std::string(name) + ":-default}");
    }
    return {*value, true, {}, {}};
}

}  // namespace

Substituted substitute(std::string_view text, const Environment& environment) {
    std::string out;
    bool has_variables = false;
    while (true) {
        const auto dollar = text.find('$');
        out += text.substr(0, dollar);
        if (dollar == std::string_view::npos) return {std::move(out), has_variables, {}, {}};
        text.remove_prefix(dollar + 1);
        if (text.starts_with('$')) {
            out += '$';
            text.remove_prefix(1);
            continue;
        }
        if (!text.starts_with('{')) {
            return refused("a lone '$'", "a variable is written ${NAME}, a dollar sign itself $$");
        }
        const auto end = text.find('}');
        if (end == std::string_view::npos)
            return refused("'${' without its '}'", "a variable is written ${NAME}");
        auto value = expand(text.substr(1, end - 1), environment);
        if (!value.text) return value;
        out += *value.text;
        has_variables = true;
        text.remove_prefix(end + 1);
    }
}

}  // namespace policies
