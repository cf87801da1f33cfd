// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>

namespace governor::cli {

enum class Colour : std::uint8_t { kNone, kGreen, kYellow, kRed, kBold, kDim };

/// Where a command prints: answers to `out`, what went wrong to `err`.
struct Console {
    std::ostream& out;
    std::ostream& err;
    bool colours = false;  ///< of `out`

    /// The text in that colour; as it is when there are none.
    std::string paint(Colour colour, std::string_view text) const;
    void print_json(const nlohmann::json& json) const;
    /// "governor: <message>" on `err`; with `json` also {"error": …} on `out`, so that a script always gets
    /// JSON.
    void fail(const std::string& message, bool json = false) const;
};

/// Colours are for a terminal whose user did not ask for none (no-color.org).
bool wants_colours(bool is_terminal, const char* no_color, const char* term);

}  // namespace governor::cli
