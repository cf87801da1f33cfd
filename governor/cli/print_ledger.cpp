// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/print_ledger.hpp"

#include "governor/cli/table.hpp"
#include "policies/diagnostics.hpp"

namespace governor::cli {
namespace {

using policies::Bytes;
using policies::kUnlimited;
using policies::Ledger;
using policies::to_string;

/// "-" for nothing: most services reserve nothing.
std::string or_dash(Bytes bytes) {
    return bytes == Bytes{} ? "-" : to_string(bytes);
}

Table::Cell left(Bytes host, Bytes promised, Colour when_short) {
    if (promised > host) return {"-" + to_string(promised - host), when_short};
    return {to_string(host - promised)};
}

void add_sums(Table& table, const Ledger& ledger) {
    const Bytes kept = ledger.keep_free;
    const Bytes min = ledger.sum_min + kept;
    const Bytes low = ledger.sum_low + kept;
    if (kept != Bytes{})
        table.add({{"host.keep_free"}, {}, {}, {to_string(kept)}, {to_string(kept)}, {to_string(kept)}});
    table.add(
        {{"sum", Colour::kBold}, {}, {}, {to_string(min)}, {to_string(low)}, {to_string(ledger.worst)}});
    const auto host = to_string(ledger.host);
    table.add({{"host", Colour::kBold}, {}, {}, {host}, {host}, {host}});
    table.add({{"left", Colour::kBold},
               {},
               {},
               left(ledger.host, min, Colour::kRed),
               left(ledger.host, low, Colour::kRed),
               left(ledger.host, ledger.worst, Colour::kYellow)});
}

std::string joined(const std::vector<std::string>& names) {
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
    return out;
}

}  // namespace

std::string ledger_text(const Console& console, const Ledger& ledger) {
    using Align = Table::Align;
    Table table({{"SERVICE"},
                 {"CONTAINERS", Align::kRight},
                 {"HARD EACH", Align::kRight},
                 {"MIN", Align::kRight},
                 {"LOW", Align::kRight},
                 {"WORST CASE", Align::kRight}});
    for (const auto& line : ledger.lines) {
        table.add({{line.service},
                   {std::to_string(line.containers)},
                   {line.hard == kUnlimited ? "no limit" : to_string(line.hard)},
                   {or_dash(line.all(line.min))},
                   {or_dash(line.all(line.low))},
                   {or_dash(line.all(line.hard == kUnlimited ? line.low : line.hard))}});
    }
    add_sums(table, ledger);
    std::string out = table.text(console);
    if (!ledger.unlimited.empty()) {
        out += "\nno hard limit: " + policies::printable(joined(ledger.unlimited)) +
               "; counted with what is reserved, but free to take all that is left\n";
    }
    if (!ledger.error.empty())
        out += "\n" + console.paint(Colour::kRed, "error") + ": " + policies::printable(ledger.error) + "\n";
    if (!ledger.warning.empty()) {
        out += "\n" + console.paint(Colour::kYellow, "warning") + ": " + policies::printable(ledger.warning) +
               "\n";
    }
    return out;
}

nlohmann::json ledger_json(const Ledger& ledger) {
    auto lines = nlohmann::json::array();
    for (const auto& line : ledger.lines) {
        nlohmann::json each = {{"service", line.service},
                               {"containers", line.containers},
                               {"hard", nullptr},
                               {"min", line.min.value},
                               {"low", line.low.value}};
        if (line.hard != kUnlimited) each["hard"] = line.hard.value;
        if (line.loan != Bytes{}) each["loan"] = line.loan.value;
        lines.push_back(std::move(each));
    }
    nlohmann::json out = {{"host", ledger.host.value},         {"keep_free", ledger.keep_free.value},
                          {"sum_min", ledger.sum_min.value},   {"sum_low", ledger.sum_low.value},
                          {"sum_hard", ledger.sum_hard.value}, {"worst_case", ledger.worst.value},
                          {"unlimited", ledger.unlimited},     {"lines", std::move(lines)}};
    if (!ledger.error.empty()) out["error"] = ledger.error;
    if (!ledger.warning.empty()) out["warning"] = ledger.warning;
    return out;
}

}  // namespace governor::cli
