// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/daemon_commands.hpp"

#include "governor/app.hpp"
#include "governor/cli/fields.hpp"
#include "governor/cli/print_status.hpp"
#include "governor/http/client.hpp"
#include "governor/http/route.hpp"
#include "governor/publish/moment.hpp"
#include "policies/diagnostics.hpp"

#include <chrono>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace governor::cli {
namespace {

using nlohmann::json;
using Answer = tl::expected<http::Client::Answer, http::Client::Error>;

constexpr int kHttpOk = 200;
constexpr int kHttpBadRequest = 400;

json parse(const std::string& body) {
    return json::parse(body, nullptr, false);
}

std::string error_of(const http::Client::Answer& answer) {
    const auto said = text_field(parse(answer.body), "error");
    if (!said.empty()) return said;
    return "the governor answered with status " + std::to_string(answer.status) +
           "; is it another version? See `governor version`";
}

/// The exit code of an answer that is not good; what it says is printed.
std::optional<int> fail_unless_good(const DaemonCommand& command, const Answer& answer) {
    if (!answer) {
        command.console.fail(answer.error(), command.json);
        return kUnreachable;
    }
    if (answer->status == kHttpOk) return std::nullopt;
    command.console.fail(error_of(*answer), command.json);
    return answer->status == kHttpBadRequest ? kWrongUse : kProblems;
}

using Printer = std::string (*)(const Console&, const json&);

int print_answer(const DaemonCommand& command, const Answer& answer, Printer printer) {
    if (const auto code = fail_unless_good(command, answer)) return *code;
    const auto body = parse(answer->body);
    if (!body.is_object()) {
        command.console.fail(
            "the governor's answer is not JSON; is it another version? See `governor version`", command.json);
        return kProblems;
    }
    if (command.json) {
        command.console.print_json(body);
    } else {
        command.console.out << printer(command.console, body);
    }
    return kGood;
}

std::string done_text(const Console& console, const json& body) {
    std::string out = console.paint(Colour::kGreen, "done");
    const auto& released = member(body, "released");
    if (flag_field(body, "reloaded")) out += ": the policies were loaded anew";
    for (std::size_t i = 0; released.is_array() && i < released.size(); ++i) {
        if (released[i].is_string())
            out += (i == 0 ? ": released " : ", ") + policies::printable(released[i].get<std::string>());
    }
    return out + "\n";
}

/// The target, or what is wrong with the options. "10m" means before now, and now is here.
tl::expected<std::string, std::string> events_target(const EventsOptions& options) {
    std::string query;
    const auto add = [&](const std::string& key, const std::string& value) {
        query += (query.empty() ? "?" : "&") + key + "=" + http::percent_encode(value);
    };
    if (!options.service.empty()) add("service", options.service);
    for (const auto& type : options.types) add("type", type);
    if (options.after) add("after", std::to_string(*options.after));
    const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
    for (const auto& [key, text] : {std::pair{"since", &options.since}, std::pair{"until", &options.until}}) {
        if (text->empty()) continue;
        const auto moment = publish::parse_moment(*text, now);
        if (!moment)
            return tl::make_unexpected("--" + std::string(key) + " \"" + *text + "\" " + moment.error());
        add(key, publish::to_unix_seconds(*moment));
    }
    if (options.follow) add("follow", "1");
    return "/v1/events" + query;
}

}  // namespace

int status(const DaemonCommand& command) {
    return print_answer(command, http::Client(command.socket).get("/v1/status"), status_text);
}

int explain(const DaemonCommand& command, const std::string& service) {
    return print_answer(command,
                        http::Client(command.socket).get("/v1/explain/" + http::percent_encode(service)),
                        explain_text);
}

namespace {

/// "2026-05-01T02:14:07.123Z pager, 12 attempts: <error>", and the event below it.
std::string letter_text(const Console& console, const json& letter) {
    const auto text = [&](const char* key) { return letter.value(key, std::string()); };
    const auto attempts = letter.value("attempts", 0);
    std::string out = text("time") + "  " + console.paint(Colour::kRed, text("target")) +
                      " did not get event " + std::to_string(letter.value("event_id", std::uint64_t{0})) +
                      " in " + std::to_string(attempts) + (attempts == 1 ? " attempt: " : " attempts: ") +
                      text("error");
    const auto event = letter.find("event");
    if (event != letter.end() && event->is_object()) return out + "\n    " + event_text(console, *event);
    return out + "\n    (the event itself is no longer kept)";
}

int undelivered(const DaemonCommand& command) {
    const auto print = [&](std::string_view line) {
        const auto letter = json::parse(line, nullptr, false);
        if (command.json) {
            command.console.out << line << '\n';
        } else if (letter.is_object()) {
            command.console.out << letter_text(command.console, letter) << '\n';
        }
        return command.console.out.good();
    };
    const http::Client client(command.socket);
    return fail_unless_good(command, client.follow("/v1/undelivered", print)).value_or(kGood);
}

}  // namespace

int events(const DaemonCommand& command, const EventsOptions& options) {
    if (options.undelivered) return undelivered(command);
    const auto print = [&](std::string_view line) {
        if (command.json) {
            command.console.out << line << '\n';
        } else {
            const auto event = json::parse(line, nullptr, false);
            if (event.is_object()) command.console.out << event_text(command.console, event) << '\n';
        }
        // A follower is often a pipe: each event at once. A reader who has left ends it.
        command.console.out.flush();
        return command.console.out.good();
    };
    const auto target = events_target(options);
    if (!target) {
        command.console.fail(target.error(), command.json);
        return kWrongUse;
    }
    // Line by line in any case: what the journal has may be large.
    const http::Client client(command.socket);
    return fail_unless_good(command, client.follow(*target, print)).value_or(kGood);
}

int release(const DaemonCommand& command, const std::string& service) {
    return print_answer(command,
                        http::Client(command.socket).post("/v1/release/" + http::percent_encode(service)),
                        done_text);
}

int reload(const DaemonCommand& command) {
    return print_answer(command, http::Client(command.socket).post("/v1/reload"), done_text);
}

}  // namespace governor::cli
