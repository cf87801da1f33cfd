// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/check.hpp"

#include "governor/app.hpp"
#include "governor/cli/compose/joiners.hpp"
#include "governor/cli/compose/read_file.hpp"
#include "governor/cli/print_ledger.hpp"
#include "governor/host_ledger.hpp"
#include "governor/policy_files.hpp"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
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

/// All that is known of the files, and with --host of the host.
struct Found {
    policies::LoadResult result;
    std::optional<policies::Ledger> ledger;
    std::string no_ledger;  ///< why there is none, though it was asked for
    std::size_t errors = 0;
    std::size_t warnings = 0;

    bool good() const { return result.policy && errors == 0; }
};

/// What the Compose files say that the policies should know of.
void look_at_compose(const CheckOptions& options, policies::LoadResult& result) {
    if (!result.policy) return;
    for (const std::string& file : options.compose) {
        policies::Source source;
        source.file = file;
        std::string reason;
        if (!compose::read_file(file, source.text, reason)) {
            Diagnostic unread;
            unread.severity = Severity::kError;
            unread.file = file;
            unread.message = "this Compose file cannot be read: " + reason;
            result.diagnostics.push_back(std::move(unread));
            continue;
        }
        std::ranges::move(
            compose::check_joiners(source, options.project, compose::folder_name(file), *result.policy),
            std::back_inserter(result.diagnostics));
    }
}

Found look(const CheckOptions& options) {
    Found found;
    found.result = load_policy_files(options.paths);
    look_at_compose(options, found.result);
    const auto count = [&](Severity severity) {
        return static_cast<std::size_t>(
            std::ranges::count(found.result.diagnostics, severity, &Diagnostic::severity));
    };
    found.errors = count(Severity::kError);
    found.warnings = count(Severity::kWarning);
    // What could not be read cannot be added up.
    if (!options.host || !found.result.policy) return found;
    if (const auto memory = read_host_memory(options.proc)) {
        found.ledger = policies::add_up(*found.result.policy, *memory);
        if (!found.ledger->error.empty()) ++found.errors;
        if (!found.ledger->warning.empty()) ++found.warnings;
    } else {
        found.no_ledger = memory.error().message();
        ++found.errors;
    }
    return found;
}

std::vector<std::string> hook_names(const policies::LoadResult& result) {
    std::vector<std::string> names;
    if (result.policy)
        for (const policies::Hook& hook : result.policy->hooks) names.push_back(hook.name);
    return names;
}

void print_text(const Console& console, const Found& found) {
    for (const auto& diagnostic : found.result.diagnostics)
        console.out << policies::to_string(diagnostic) << "\n\n";
    if (found.ledger) {
        console.out
            << ledger_text(console, *found.ledger)
            << "\nEach policy is counted as one container; governor doctor counts those that run.\n\n";
    }
    if (!found.no_ledger.empty())
        console.out << "error: the host's memory is not known: " << found.no_ledger << "\n\n";
    if (found.good()) {
        const auto names = service_names(found.result);
        console.out << console.paint(Colour::kGreen, "good") << ": "
                    << plural(names.size(), "policy", "policies");
        if (!names.empty()) console.out << " (" << joined(names) << ")";
        const auto hooks = hook_names(found.result);
        if (!hooks.empty())
            console.out << ", " << plural(hooks.size(), "hook", "hooks") << " (" << joined(hooks) << ")";
    } else {
        console.out << console.paint(Colour::kRed, "not usable") << ": "
                    << plural(found.errors, "error", "errors");
    }
    if (found.warnings != 0) console.out << ", " << plural(found.warnings, "warning", "warnings");
    console.out << '\n';
}

void print_json(const Console& console, const Found& found) {
    json diagnostics = json::array();
    for (const auto& diagnostic : found.result.diagnostics) diagnostics.push_back(to_json(diagnostic));
    json out = {{"good", found.good()},
                {"errors", found.errors},
                {"warnings", found.warnings},
                {"services", service_names(found.result)},
                {"hooks", hook_names(found.result)},
                {"diagnostics", std::move(diagnostics)}};
    if (found.ledger) out["ledger"] = ledger_json(*found.ledger);
    if (!found.no_ledger.empty()) out["ledger"] = {{"error", found.no_ledger}};
    console.print_json(out);
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

int check(const Console& console, const CheckOptions& options) {
    const auto found = look(options);
    if (options.json) {
        print_json(console, found);
    } else {
        print_text(console, found);
    }
    return found.good() ? kGood : kProblems;
}

}  // namespace governor::cli
