// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/doctor/doctor.hpp"

#include "governor/cli/doctor/judge.hpp"
#include "governor/cli/doctor/probe.hpp"
#include "policies/diagnostics.hpp"

#include <algorithm>
#include <cstddef>
#include <ostream>

namespace governor::cli::doctor {
namespace {

/// "OK", "WARN" and "FAIL" with the gap behind them.
constexpr std::size_t kVerdictWidth = 6;

std::string_view word_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::kOk:
            return "OK";
        case Verdict::kWarn:
            return "WARN";
        case Verdict::kFail:
            return "FAIL";
    }
    return "FAIL";
}

Colour colour_of(Verdict verdict) {
    switch (verdict) {
        case Verdict::kOk:
            return Colour::kGreen;
        case Verdict::kWarn:
            return Colour::kYellow;
        case Verdict::kFail:
            return Colour::kRed;
    }
    return Colour::kRed;
}

std::ptrdiff_t count(const Checks& checks, Verdict verdict) {
    return std::ranges::count(checks, verdict, &Check::verdict);
}

}  // namespace

std::string to_text(const Console& console, const Checks& checks) {
    std::size_t widest = 0;
    for (const auto& check : checks) widest = std::max(widest, check.about.size());
    std::string out;
    for (const auto& check : checks) {
        const auto word = word_of(check.verdict);
        out += console.paint(colour_of(check.verdict), word) + std::string(kVerdictWidth - word.size(), ' ');
        out += policies::printable(check.about) + std::string(widest - check.about.size() + 2, ' ') +
               policies::printable(check.found) + "\n";
        if (!check.mend.empty())
            out +=
                std::string(kVerdictWidth + widest + 2, ' ') + "-> " + policies::printable(check.mend) + "\n";
    }
    return out + "\n" + std::to_string(count(checks, Verdict::kOk)) + " OK, " +
           std::to_string(count(checks, Verdict::kWarn)) + " WARN, " +
           std::to_string(count(checks, Verdict::kFail)) + " FAIL\n";
}

nlohmann::json to_json(const Checks& checks) {
    auto list = nlohmann::json::array();
    for (const auto& check : checks) {
        nlohmann::json each = {{"id", check.id},
                               {"about", check.about},
                               {"verdict", word_of(check.verdict)},
                               {"found", check.found}};
        if (!check.mend.empty()) each["mend"] = check.mend;
        list.push_back(std::move(each));
    }
    return {{"checks", std::move(list)},
            {"ok", count(checks, Verdict::kOk)},
            {"warn", count(checks, Verdict::kWarn)},
            {"fail", count(checks, Verdict::kFail)}};
}

ExitCode exit_code(const Checks& checks, bool docker_reached) {
    if (!docker_reached) return kUnreachable;
    return count(checks, Verdict::kFail) == 0 ? kGood : kProblems;
}

int run(const Console& console, const RunOptions& options, bool json) {
    const auto facts = probe(options);
    const auto checks = judge(facts);
    if (json) {
        console.print_json(to_json(checks));
    } else {
        console.out << to_text(console, checks);
    }
    using Kind = docker::Error::Kind;
    const auto& error = facts.docker.error;
    return exit_code(checks, !error || (error->kind != Kind::kUnreachable && error->kind != Kind::kTimeout));
}

}  // namespace governor::cli::doctor
