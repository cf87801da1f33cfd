// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/hooks/template.hpp"

#include "governor/hooks/wording.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

namespace governor::hooks {
namespace {

using nlohmann::json;

/// A text, and the field that follows it; no field: the template's end.
struct Piece {
    std::string_view text;
    std::string_view path;
};

std::string_view trimmed(std::string_view text) {
    constexpr const char* kSpace = " \t\r\n";
    const auto begin = text.find_first_not_of(kSpace);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::vector<Piece> pieces_of(std::string_view text) {
    std::vector<Piece> out;
    for (;;) {
        const auto open = text.find("{{");
        const auto close = open == std::string_view::npos ? open : text.find("}}", open + 2);
        if (close == std::string_view::npos) break;
        out.push_back({text.substr(0, open), trimmed(text.substr(open + 2, close - open - 2))});
        text.remove_prefix(close + 2);
    }
    out.push_back({text, {}});
    return out;
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
    std::string out;
    bool quoted = false;
    for (const Piece& piece : pieces_of(text)) {
        out += piece.text;
        quoted = quoted_after(piece.text, quoted);
        const json* value = piece.path.empty() ? nullptr : find_path(event, piece.path);
        if (value != nullptr) out += value_of(*value, as_json, quoted);
    }
    return out;
}

}  // namespace governor::hooks
