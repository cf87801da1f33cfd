// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/hook_template.hpp"

#include <algorithm>

namespace policies {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kBlanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_path(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.';
    });
}

Parsed<std::vector<TemplatePart>> refused(std::string message, std::string hint) {
    return {std::nullopt, std::move(message), std::move(hint)};
}

}  // namespace

Parsed<std::vector<TemplatePart>> parse_template(std::string_view text) {
    std::vector<TemplatePart> parts;
    while (!text.empty()) {
        const auto open = text.find(kOpen);
        if (open != 0) parts.push_back({std::string(text.substr(0, open)), false});
        if (open == std::string_view::npos) break;
        text.remove_prefix(open + kOpen.size());
        const auto close = text.find(kClose);
        if (close == std::string_view::npos || text.substr(0, close).find(kOpen) != std::string_view::npos)
            return refused("has '{{' without its '}}'", "a field of the event is written {{ service }}");
        const auto name = trimmed(text.substr(0, close));
        if (!is_path(name)) {
            return refused("has something between '{{' and '}}' that is no field's name",
                           "a field of the event is written {{ service }} or {{ reason.measured.text }}");
        }
        parts.push_back({std::string(name), true});
        text.remove_prefix(close + kClose.size());
    }
    return {std::move(parts), {}, {}};
}

}  // namespace policies
