// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/template.hpp"

#include "governor/hooks/wording.hpp"
#include "policies/hook_template.hpp"

#include <algorithm>
#include <cctype>

namespace governor::hooks {
namespace {

using nlohmann::json;

std::string_view trimmed(std::string_view text) {
    constexpr const char* kSpace = " \t\r\n";
    const auto begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

/// Whether JSON's text goes on inside quotes after `text`.
bool quoted_after(std::string_view text, bool quoted) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && quoted) {
            ++i;
        } else if (text[i] == '"') {
            quoted = !quoted;
        }
    }
    return quoted;
}

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string value_of(const json& value, bool as_json, bool quoted) {
    std::string text = value.is_string() ? value.get<std::string>() : dump(value);
    if (!as_json || (value.is_structured() && !quoted)) return text;
    text = dump(json(text));
    return text.substr(1, text.size() - 2);
}

}  // namespace

bool is_json_type(std::string_view content_type) {
    std::string type(trimmed(content_type.substr(0, content_type.find(';'))));
    std::ranges::transform(type, type.begin(), [](unsigned char c) { return std::tolower(c); });
    return type == "application/json" || type.ends_with("+json");
}

std::string fill_template(std::string_view text, const json& event, bool as_json) {
    // The loader has refused what cannot be parsed; whoever comes with it all the same gets it as it is.
    const auto parts = policies::parse_template(text);
    if (!parts) return std::string(text);
    std::string out;
    bool quoted = false;
    for (const policies::TemplatePart& part : *parts.value) {
        if (part.field) {
            if (const json* value = find_path(event, part.text)) out += value_of(*value, as_json, quoted);
        } else {
            out += part.text;
            quoted = quoted_after(part.text, quoted);
        }
    }
    return out;
}

}  // namespace governor::hooks
