// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/url.hpp"

#include <nlohmann/json.hpp>

namespace governor::docker {

std::string percent_encode(std::string_view text) {
    constexpr std::string_view kUnreserved =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string encoded;
    encoded.reserve(text.size());
    for (const char character : text) {
        if (kUnreserved.find(character) != std::string_view::npos) {
            encoded += character;
            continue;
        }
        const auto byte = static_cast<unsigned char>(character);
        encoded += '%';
        encoded += kHex[byte >> 4U];
        encoded += kHex[byte & 0xFU];
    }
    return encoded;
}

std::string filters_json(std::string_view key, const std::vector<std::string>& values) {
    nlohmann::json filters = nlohmann::json::object();
    filters[std::string(key)] = values;
    return filters.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace governor::docker
