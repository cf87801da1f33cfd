// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/http_text.hpp"

#include "policies/quantity.hpp"

#include <algorithm>
#include <array>

namespace policies {
namespace {

bool is_port(std::string_view text) {
    return parse_integer(text, 1, 65535).value.has_value();
}

/// RFC 9110, 5.6.2.
bool is_token(std::string_view text) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kMarks.find(c) != std::string_view::npos;
    });
}

/// A line break in a header would begin another one.
bool has_control(std::string_view text) {
    return std::ranges::any_of(text,
                               [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string authority_problem(std::string_view authority) {
    if (authority.find('@') != std::string_view::npos)
        return "the URL has a user name in it, which is not supported";
    auto host = authority.substr(0, authority.find(':'));
    if (authority.starts_with('[')) host = authority.substr(0, authority.find(']') + 1);
    if (host.empty()) return "the URL has no host";
    const auto rest = authority.substr(host.size());
    if (!rest.empty() && (!rest.starts_with(':') || !is_port(rest.substr(1))))
        return "the URL's port is not a number from 1 to 65535";
    return {};
}

}  // namespace

std::string url_problem(std::string_view url) {
    const std::string_view scheme = url.starts_with("https://") ? "https://" : "http://";
    if (!url.starts_with(scheme)) return "the URL must begin with http:// or https://";
    const bool clean = std::ranges::all_of(url, [](char c) { return c > 0x20 && c < 0x7f; });
    if (!clean) return "the URL has a blank or another character that must be percent-encoded";
    if (url.find('#') != std::string_view::npos)
        return "the URL has a fragment (#), which is never sent to a server";
    const auto rest = url.substr(scheme.size());
    return authority_problem(rest.substr(0, rest.find_first_of("/?")));
}

std::string header_value_problem(std::string_view value) {
    return has_control(value) ? "it has a line break or another control character" : "";
}

std::string header_name_problem(std::string_view name) {
    if (!is_token(name)) return "this cannot be a header's name";
    // The request is the governor's to frame, and the body's type follows from its format.
    static constexpr std::array<std::string_view, 5> kOurs{"host", "content-length", "transfer-encoding",
                                                           "connection", "content-type"};
    if (std::ranges::find(kOurs, lower_case(name)) == kOurs.end()) return {};
    return "the header '" + std::string(name) + "' is the governor's own to set";
}

bool is_content_type(std::string_view text) {
    const auto type = text.substr(0, text.find(';'));
    const auto slash = type.find('/');
    if (slash == std::string_view::npos || has_control(text)) return false;
    auto subtype = type.substr(slash + 1);
    while (subtype.ends_with(' ')) subtype.remove_suffix(1);
    return is_token(type.substr(0, slash)) && is_token(subtype);
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (auto& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

}  // namespace policies
