// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/annotate.hpp"

#include "governor/app.hpp"
#include "governor/cli/check.hpp"
#include "governor/cli/compose/annotations.hpp"
#include "governor/cli/compose/read_file.hpp"
#include "governor/cli/replace_file.hpp"
#include "governor/host_ledger.hpp"
#include "governor/policy_files.hpp"
#include "policies/quantity.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <ostream>

namespace governor::cli {
namespace {

using compose::Annotated;
using compose::Difference;
using compose::folder_name;
using compose::hints_of;
using compose::read_file;
using nlohmann::json;

std::optional<policies::Bytes> total_memory(const std::string& proc) {
    const auto usable = read_host_memory(proc);
    return usable ? std::optional(*usable) : std::nullopt;
}

/// Percentages of the host's memory are of the host that runs the stack, not of the one where this is typed.
bool has_share_of_host(const policies::Policy& policy) {
    const auto is_share = [](const std::optional<policies::Size>& size) { return size && size->share; };
    return std::ranges::any_of(policy.services, [&](const policies::ServicePolicy& service) {
        const auto& reserve = service.reserve;
        return reserve && (is_share(reserve->min) || is_share(reserve->low) || is_share(reserve->swap));
    });
}

json to_json(const Difference& difference) {
    return {{"service", difference.service},
            {"policy", difference.policy},
            {"key", difference.key},
            {"found", difference.found.empty() ? json() : json(difference.found)},
            {"wanted", difference.wanted},
            {"line", difference.at.line},
            {"column", difference.at.column},
            {"by_hand", difference.by_hand}};
}

std::string sentence_of(const Difference& difference, const std::string& file) {
    const std::string place = file + ":" + std::to_string(difference.at.line) + ":" +
                              std::to_string(difference.at.column) + ": service '" + difference.service +
                              "': ";
    const std::string policy = ", policy '" + difference.policy + "' wants \"" + difference.wanted + "\"";
    if (difference.found.empty()) return place + difference.key + " is missing" + policy;
    return place + difference.key + " is \"" + difference.found + "\"" + policy +
           (difference.by_hand ? " (to be changed by hand)" : "");
}

class Command {
  public:
    Command(const Console& console, const AnnotateOptions& options) : console_(console), options_(options) {}

    int run() {
        compose::Request request;
        if (!options_.host_memory.empty()) {
            const auto size = policies::parse_bytes(options_.host_memory);
            if (!size) {
                console_.fail("--host-memory: '" + options_.host_memory + "' " + size.message, options_.json);
                return kWrongUse;
            }
            request.host_memory = size.value;
        }
        const auto loaded = load_policy_files(options_.policies);
        if (!loaded.policy) return fail("the policies cannot be used", loaded.diagnostics);
        request.compose.file = options_.compose;
        std::string reason;
        if (!read_file(options_.compose, request.compose.text, reason)) {
            console_.fail("cannot read the Compose file " + options_.compose + ": " + reason, options_.json);
            return kProblems;
        }
        request.project = options_.project;
        request.folder = folder_name(options_.compose);
        const bool guessed = !request.host_memory && has_share_of_host(*loaded.policy);
        if (!request.host_memory) request.host_memory = total_memory(options_.proc);
        auto annotated = compose::annotate(request, *loaded.policy);
        if (!annotated.errors.empty()) return fail("the Compose file cannot be annotated", annotated.errors);
        if (guessed && request.host_memory)
            annotated.notes.insert(annotated.notes.begin(),
                                   "percentages are of this machine's memory, " +
                                       policies::to_string(*request.host_memory) +
                                       "; when the stack runs elsewhere, say --host-memory SIZE");
        if (annotated.matched == 0)
            annotated.notes.push_back(
                "no policy matches a service of this file; is the project's name right "
                "(--project NAME)?");
        return options_.check ? tell(annotated) : print(annotated);
    }

  private:
    int fail(const std::string& message, const std::vector<policies::Diagnostic>& diagnostics) const {
        for (const auto& diagnostic : diagnostics) console_.err << policies::to_string(diagnostic) << "\n\n";
        console_.err << "governor: " << message << '\n';
        if (options_.json) {
            json list = json::array();
            for (const auto& diagnostic : diagnostics) list.push_back(cli::to_json(diagnostic));
            console_.print_json({{"error", message}, {"diagnostics", std::move(list)}});
        }
        return kProblems;
    }

    void print_hints(const Annotated& annotated) const {
        for (const std::string& hint : hints_of(annotated)) console_.err << "governor: " << hint << '\n';
    }

    json answer(const Annotated& annotated) const {
        json differences = json::array();
        for (const Difference& difference : annotated.differences) differences.push_back(to_json(difference));
        return {{"good", annotated.differences.empty()},
                {"services", annotated.matched},
                {"differences", std::move(differences)},
                {"hints", hints_of(annotated)}};
    }

    int tell(const Annotated& annotated) const {
        print_hints(annotated);
        if (options_.json) {
            console_.print_json(answer(annotated));
        } else {
            for (const Difference& difference : annotated.differences)
                console_.out << sentence_of(difference, options_.compose) << '\n';
            if (annotated.differences.empty())
                console_.out << console_.paint(Colour::kGreen, "good") << ": " << annotated.matched
                             << (annotated.matched == 1 ? " service is" : " services are")
                             << " as the policies say\n";
        }
        return annotated.differences.empty() ? kGood : kProblems;
    }

    int print(const Annotated& annotated) const {
        if (!options_.output.empty()) {
            if (const auto problem = replace_file(options_.output, annotated.text); !problem.empty()) {
                console_.fail(problem, options_.json);
                return kProblems;
            }
        }
        print_hints(annotated);
        // What is not changed here must at least be said.
        for (const Difference& difference : annotated.differences) {
            if (difference.by_hand)
                console_.err << "governor: " << sentence_of(difference, options_.compose) << '\n';
        }
        if (options_.json) {
            json out = answer(annotated);
            if (options_.output.empty()) out["compose"] = annotated.text;
            console_.print_json(out);
        } else if (options_.output.empty()) {
            console_.out << annotated.text;
        }
        return kGood;
    }

    const Console& console_;
    const AnnotateOptions& options_;
};

}  // namespace

int annotate(const Console& console, const AnnotateOptions& options) {
    return Command(console, options).run();
}

}  // namespace governor::cli
