// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/packed_labels.hpp"

#include <cstddef>
#include <string_view>
#include <utility>

namespace governor::publish {
namespace {

/// Most labels of a Compose container begin with it: it is kept as one bit.
constexpr std::string_view kCompose = "com.docker.compose.";

/// Seven bits a byte, the lowest first; the eighth bit says that more follow.
void put(std::string& out, std::size_t number) {
    for (; number >= 0x80; number >>= 7U) out += static_cast<char>(number | 0x80U);
    out += static_cast<char>(number);
}

std::size_t take(std::string_view& text) {
    std::size_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(text.front());
        text.remove_prefix(1);
        number |= static_cast<std::size_t>(byte & 0x7fU) << shift;
        if (byte < 0x80) return number;
    }
}

std::string_view take(std::string_view& text, std::size_t length) {
    const std::string_view taken = text.substr(0, length);
    text.remove_prefix(length);
    return taken;
}

}  // namespace

PackedLabels::PackedLabels(const Map& labels) {
    for (const auto& [key, value] : labels) {
        const bool compose = key.starts_with(kCompose);
        const std::string_view rest = std::string_view(key).substr(compose ? kCompose.size() : 0);
        put(text_, 2 * rest.size() + (compose ? 1 : 0));
        text_ += rest;
        put(text_, value.size());
        text_ += value;
    }
    text_.shrink_to_fit();
}

PackedLabels::Map PackedLabels::unpack() const {
    Map out;
    for (std::string_view left = text_; !left.empty();) {
        const std::size_t head = take(left);
        std::string key((head & 1U) != 0 ? kCompose : std::string_view());
        key += take(left, head / 2);
        const std::size_t length = take(left);
        out.emplace(std::move(key), take(left, length));
    }
    return out;
}

}  // namespace governor::publish
