// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/console.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace governor::cli {

/// Columns as wide as their widest cell. Text that is not ours (names of containers) is made safe for a
/// terminal.
class Table {
  public:
    enum class Align : std::uint8_t { kLeft, kRight };
    struct Column {
        std::string title;
        Align align = Align::kLeft;
    };
    struct Cell {
        std::string text;
        Colour colour = Colour::kNone;
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    /// As many cells as there are columns.
    void add(std::vector<Cell> row);
    bool empty() const { return rows_.empty(); }
    /// With the titles, each line ended by a newline and without trailing spaces.
    std::string text(const Console& console) const;

  private:
    void append_row(std::string& out, const std::vector<Cell>& row, const Console& console) const;
    std::size_t width_of(std::size_t column) const;

    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace governor::cli
