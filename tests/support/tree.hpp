// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

/// A temporary directory that looks like a cgroup (or /proc) and goes with the object.
class TempTree {
  public:
    TempTree() {
        std::string pattern = (std::filesystem::temp_directory_path() / "governor-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make " + pattern);
        root_ = pattern;
    }
    TempTree(const TempTree&) = delete;
    TempTree& operator=(const TempTree&) = delete;
    ~TempTree() {
        std::error_code ignored;
        std::filesystem::remove_all(root_, ignored);
    }

    std::string path() const { return root_.string(); }
    std::string path(std::string_view name) const { return (root_ / name).string(); }

    /// Writes a file; the folders on its way are made.
    void file(std::string_view name, std::string_view text) const {
        const auto where = root_ / name;
        std::filesystem::create_directories(where.parent_path());
        std::ofstream out(where, std::ios::binary | std::ios::trunc);
        out << text;
        if (!out.flush()) throw std::runtime_error("cannot write " + where.string());
    }
    void folder(std::string_view name) const { std::filesystem::create_directories(root_ / name); }
    void remove(std::string_view name) const { std::filesystem::remove_all(root_ / name); }
    std::string text(std::string_view name) const {
        std::ifstream in(root_ / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

  private:
    std::filesystem::path root_;
};
