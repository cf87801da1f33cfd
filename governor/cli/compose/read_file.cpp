// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/compose/read_file.hpp"

#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace governor::cli::compose {

namespace fs = std::filesystem;

namespace {

/// Compose files are small; a device or a pipe would be read for ever.
constexpr std::size_t kMostRead = 2UL << 20U;

}  // namespace

bool read_file(const std::string& path, std::string& text, std::string& reason) {
    std::error_code code;
    if (fs::exists(path, code) && !fs::is_regular_file(path, code)) {
        reason = "it is not a regular file";
        return false;
    }
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        reason = std::strerror(errno);
        return false;
    }
    text.resize(kMostRead);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
    return true;
}

/// As Compose names a project after its folder: lower case, without what a name may not have.
std::string folder_name(const std::string& path) {
    std::error_code code;
    std::string out;
    for (const char c : fs::absolute(path, code).lexically_normal().parent_path().filename().string()) {
        const auto byte = static_cast<unsigned char>(c);
        const bool may_begin = std::isalnum(byte) != 0;
        if (may_begin || (!out.empty() && (c == '-' || c == '_')))
            out += static_cast<char>(std::tolower(byte));
    }
    return out;
}

}  // namespace governor::cli::compose
