// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/table.hpp"

#include "policies/diagnostics.hpp"

#include <algorithm>
#include <utility>

namespace governor::cli {
namespace {

constexpr std::size_t kGap = 2;

/// Characters, not bytes; wide ones are not looked for.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

void Table::add(std::vector<Cell> row) {
    for (auto& cell : row) cell.text = policies::printable(cell.text);
    row.resize(columns_.size());
    rows_.push_back(std::move(row));
}

std::size_t Table::width_of(std::size_t column) const {
    std::size_t widest = width(columns_[column].title);
    for (const auto& row : rows_) widest = std::max(widest, width(row[column].text));
    return widest;
}

void Table::append_row(std::string& out, const std::vector<Cell>& row, const Console& console) const {
    for (std::size_t i = 0; i < row.size(); ++i) {
        const std::string padding(width_of(i) - width(row[i].text), ' ');
        const bool last = i + 1 == row.size();
        if (columns_[i].align == Align::kRight) out += padding;
        out += console.paint(row[i].colour, row[i].text);
        if (columns_[i].align == Align::kLeft && !last) out += padding;
        if (!last) out.append(kGap, ' ');
    }
    while (out.ends_with(' ')) out.pop_back();
    out += '\n';
}

std::string Table::text(const Console& console) const {
    std::vector<Cell> titles;
    for (const auto& column : columns_) titles.push_back({column.title, Colour::kBold});
    std::string out;
    append_row(out, titles, console);
    for (const auto& row : rows_) append_row(out, row, console);
    return out;
}

}  // namespace governor::cli
