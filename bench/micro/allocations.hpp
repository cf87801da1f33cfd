// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace micro {

/// How often memory was asked for since the program began, by whatever thread and on whatever way: `new`,
/// malloc and its relatives, C libraries included (Asio asks aligned_alloc, past `new`).
std::uint64_t allocations();

}  // namespace micro
