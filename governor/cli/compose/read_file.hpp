// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace governor::cli::compose {

/// Reads a Compose file, 2 MiB of it at most; what is no regular file is refused. False with a reason.
bool read_file(const std::string& path, std::string& text, std::string& reason);

/// As Compose names a project after its file's folder: lower case, without what a name may not have.
std::string folder_name(const std::string& path);

}  // namespace governor::cli::compose
