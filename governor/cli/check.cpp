// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/check.hpp"

#include "governor/app.hpp"
#include "governor/policy_files.hpp"

#include <algorithm>
#include <cstddef>
#include <ostream>

namespace governor::cli {
namespace {

using nlohmann::json;
using policies::Diagnostic;
using policies::Severity;

std::string plural(std::size_t count, const std::string& one, const std::string& many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::vector<std::string> service_names(const policies::LoadResult& result) {
    std::vector<std::string> names;
    if (!result.policy) return names;
    for (const auto& service : result.policy->services) names.push_back(service.name);
    return names;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
}

void print_text(const Console& console, const policies::LoadResult& result, std::size_t errors,
                std::size_t warnings) {
    for (const auto& diagnostic : result.diagnostics)
        console.out << policies::to_string(diagnostic) << "\n\n";
    if (!result.policy) {
        console.out << console.paint(Colour::kRed, "not usable") << ": " << plural(errors, "error", "errors");
        if (warnings != 0) console.out << ", " << plural(warnings, "warning", "warnings");
        console.out << '\n';
        return;
    }
    const auto names = service_names(result);
    console.out << console.paint(Colour::kGreen, "good") << ": "
                << plural(names.size(), "policy", "policies");
    if (!names.empty()) console.out << " (" << joined(names) << ")";
    if (warnings != 0) console.out << ", " << plural(warnings, "warning", "warnings");
    console.out << '\n';
}

void print_json(const Console& console, const policies::LoadResult& result, std::size_t errors,
                std::size_t warnings) {
    json diagnostics = json::array();
    for (const auto& diagnostic : result.diagnostics) diagnostics.push_back(to_json(diagnostic));
    console.print_json({{"good", result.policy.has_value()},
                        {"errors", errors},
                        {"warnings", warnings},
                        {"services", service_names(result)},
                        {"diagnostics", std::move(diagnostics)}});
}

}  // namespace

json to_json(const Diagnostic& diagnostic) {
    json out = {{"severity", diagnostic.severity == Severity::kError ? "error" : "warning"},
                {"file", diagnostic.file},
                {"line", diagnostic.line},
                {"column", diagnostic.column},
                {"message", diagnostic.message}};
    if (!diagnostic.path.empty()) out["path"] = diagnostic.path;
    if (!diagnostic.hint.empty()) out["hint"] = diagnostic.hint;
    if (!diagnostic.snippet.empty()) out["snippet"] = diagnostic.snippet;
    return out;
}

int check(const Console& console, const std::vector<std::string>& paths, bool json) {
    const auto result = load_policy_files(paths);
    const auto count = [&](Severity severity) {
        return static_cast<std::size_t>(
            std::ranges::count(result.diagnostics, severity, &Diagnostic::severity));
    };
    const auto errors = count(Severity::kError);
    const auto warnings = count(Severity::kWarning);
    if (json) {
        print_json(console, result, errors, warnings);
    } else {
        print_text(console, result, errors, warnings);
    }
    return result.policy && errors == 0 ? kGood : kProblems;
}

}  // namespace governor::cli
