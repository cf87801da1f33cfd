// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/grace.hpp"

namespace policies {

std::string to_string(const Grace& grace) {
    return grace.is_infinite() ? "no limit" : to_string(grace.bounded());
}

}  // namespace policies
