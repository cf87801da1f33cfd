// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace policies {

/// The one of `known` that was probably meant by `word`; nothing when none is near enough to be worth saying.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> known);

/// "a, b, c".
std::string joined(std::span<const std::string_view> words);

}  // namespace policies
