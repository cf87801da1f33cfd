// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

/// What may stand in an HTTP request. Serves the loader, and whoever reads such a text from a file later. No
/// message quotes the text: it may be a secret.
namespace policies {

/// What is wrong with an http:// or https:// URL; empty when nothing is.
std::string url_problem(std::string_view url);

/// What is wrong with a header's value or a secret; empty when nothing is.
std::string header_value_problem(std::string_view value);

/// What is wrong with the name of a header that a hook may add; empty when nothing is.
std::string header_name_problem(std::string_view name);

/// "application/json", "text/plain; charset=utf-8".
bool is_content_type(std::string_view text);

/// Header names do not mind case.
std::string lower_case(std::string_view text);

}  // namespace policies
