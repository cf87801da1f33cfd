// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/publish/packed_labels.hpp"

#include <cstdint>
#include <cstring>
#include <utility>

namespace governor::publish {
namespace {

using Length = std::uint32_t;

void put(std::string& out, const std::string& text) {
    const auto length = static_cast<Length>(text.size());
    out.append(reinterpret_cast<const char*>(&length), sizeof length);
    out += text;
}

std::string take(const std::string& text, std::size_t& at) {
    Length length = 0;
    std::memcpy(&length, text.data() + at, sizeof length);
    std::string out = text.substr(at + sizeof length, length);
    at += sizeof length + length;
    return out;
}

}  // namespace

PackedLabels::PackedLabels(const Map& labels) {
    std::size_t size = 0;
    for (const auto& [key, value] : labels) size += 2 * sizeof(Length) + key.size() + value.size();
    text_.reserve(size);
    for (const auto& [key, value] : labels) {
        put(text_, key);
        put(text_, value);
    }
}

PackedLabels::Map PackedLabels::unpack() const {
    Map out;
    for (std::size_t at = 0; at < text_.size();) {
        std::string key = take(text_, at);
        out.emplace(std::move(key), take(text_, at));
    }
    return out;
}

}  // namespace governor::publish
