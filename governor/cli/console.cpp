// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/console.hpp"

#include <ostream>

namespace governor::cli {
namespace {

std::string_view code_of(Colour colour) {
    switch (colour) {
        case Colour::kNone:
            return "";
        case Colour::kGreen:
            return "\x1b[32m";
        case Colour::kYellow:
            return "\x1b[33m";
        case Colour::kRed:
            return "\x1b[31m";
        case Colour::kBold:
            return "\x1b[1m";
        case Colour::kDim:
            return "\x1b[2m";
    }
    return "";
}

}  // namespace

std::string Console::paint(Colour colour, std::string_view text) const {
    const auto code = code_of(colour);
    if (!colours || code.empty() || text.empty()) return std::string(text);
    return std::string(code).append(text).append("\x1b[0m");
}

void Console::print_json(const nlohmann::json& json) const {
    out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

void Console::fail(const std::string& message, bool json) const {
    err << "governor: " << message << '\n';
    if (json) print_json({{"error", message}});
}

bool wants_colours(bool is_terminal, const char* no_color, const char* term) {
    const bool refused = no_color != nullptr && *no_color != '\0';
    return is_terminal && !refused && (term == nullptr || std::string_view(term) != "dumb");
}

}  // namespace governor::cli
