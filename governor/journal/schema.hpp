// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/journal/sqlite.hpp"

namespace governor::journal {

/// The version that this governor writes (PRAGMA user_version).
inline constexpr int kSchemaVersion = 2;

/// The code of the Error for a file that is sound, but not one that this governor may write. SQLite has no
/// code of that value.
inline constexpr int kForeignFile = 1000;

/// Makes the tables of a new file, or brings those of an older one up to date, in one transaction. A newer
/// version, and a database of another program, is left as it is and refused (kForeignFile).
sqlite::Result<void> prepare_schema(sqlite::Database& database);

}  // namespace governor::journal
