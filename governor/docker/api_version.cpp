// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/client.hpp"

#include <algorithm>
#include <charconv>
#include <compare>
#include <optional>
#include <string>
#include <utility>

namespace governor::docker {
namespace {

struct ApiVersion {
    int major = 0;
    int minor = 0;
    // clang-tidy 14 takes the generated comparison for a null pointer.
    // NOLINTNEXTLINE(modernize-use-nullptr)
    constexpr auto operator<=>(const ApiVersion&) const = default;
};

// 1.47 is Docker 27.3. What the governor uses is in 1.41 (Docker 20.10, the first with cgroup v2).
constexpr ApiVersion kOurs{1, 47};
constexpr ApiVersion kOldest{1, 41};

std::optional<ApiVersion> parse_api_version(std::string_view text) {
    ApiVersion version;
    const char* const end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, version.major);
    if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
    const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
    if (minor.ec != std::errc() || minor.ptr != end) return std::nullopt;
    if (version.major < 0 || version.minor < 0) return std::nullopt;
    return version;
}

std::string to_string(ApiVersion version) {
    return std::to_string(version.major) + "." + std::to_string(version.minor);
}

Error refuse(const std::string& reason) {
    const std::string operation = "agree on an API version";
    return Error{Error::Kind::kApiVersion, 0, operation, operation + ": " + reason};
}

}  // namespace

Result<std::string> choose_api_version(std::string_view newest, std::string_view minimum) {
    const auto theirs = parse_api_version(newest);
    // Engines before 1.24 do not send a minimum; an empty one is no limit.
    const auto their_minimum = minimum.empty() ? ApiVersion{} : parse_api_version(minimum);
    if (!theirs || !their_minimum) {
        return tl::unexpected(protocol_error(
            "agree on an API version", "the engine says \"" + std::string(newest) + "\", minimum \"" +
                                           std::string(minimum) + "\"; check that the socket is Docker's"));
    }
    if (*their_minimum > kOurs) {
        return tl::unexpected(refuse(
            "this Docker speaks API " + to_string(*their_minimum) + " and newer, this governor " +
            to_string(kOurs) + " and older; update the governor, or set min-api-version in daemon.json"));
    }
    if (*theirs < kOldest) {
        return tl::unexpected(refuse("this Docker speaks API " + to_string(*theirs) + " and older, and " +
                                     to_string(kOldest) + " (Docker 20.10) is needed; update Docker"));
    }
    return to_string(std::min(*theirs, kOurs));
}

}  // namespace governor::docker
