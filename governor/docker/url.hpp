// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace governor::docker {

/// Percent-encodes everything but RFC 3986's unreserved characters, so that the result is safe in a path
/// segment and in a query.
std::string percent_encode(std::string_view text);

/// The JSON of Docker's `filters` parameter with one key: {"label":["a=b","c"]}. Not yet percent-encoded.
std::string filters_json(std::string_view key, const std::vector<std::string>& values);

}  // namespace governor::docker
