// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/cli/cli.hpp"

#include "governor/act/guardian.hpp"
#include "governor/app.hpp"
#include "governor/cli/annotate.hpp"
#include "governor/cli/check.hpp"
#include "governor/cli/daemon_commands.hpp"
#include "governor/cli/doctor/doctor.hpp"
#include "governor/publish/event_schema.hpp"
#include "policies/load.hpp"
#include "policies/quantity.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <utility>

namespace governor::cli {
namespace {

constexpr const char* kAbout =
    "governor - guards the memory of Docker containers: brakes a leaking service before the kernel kills it, "
    "lets it save its "
    "work, and restarts only that one";
constexpr const char* kExitCodes =
    "Exit codes: 0 good, 1 found problems, 2 wrong use, 3 could not reach the daemon or Docker";

/// All that can be said on the command line, and what is to be done about it. Outlives the parsing.
struct Spoken {
    explicit Spoken(const Console& console_in) : console(console_in) {}

    const Console& console;
    RunOptions run_options;
    std::string log_format = "json";
    std::string dbus = "on";
    CheckOptions check;
    std::string service;
    EventsOptions events;
    AnnotateOptions annotate;
    bool json = false;
    bool event_schema = false;
    int guardian_fd = -1;
    std::function<int()> command;

    DaemonCommand daemon() const { return {console, run_options.socket, json}; }
};

CLI::App* add_command(CLI::App& app, Spoken& spoken, const char* name, const char* about,
                      std::function<int()> command) {
    auto* sub = app.add_subcommand(name, about);
    sub->callback([&spoken, command = std::move(command)] { spoken.command = command; });
    return sub;
}

void add_json(CLI::App& sub, Spoken& spoken) {
    sub.add_flag("--json", spoken.json, "Print JSON");
}

void add_socket(CLI::App& sub, Spoken& spoken) {
    sub.add_option("--socket", spoken.run_options.socket, "The governor's control socket")
        ->type_name("PATH")
        ->capture_default_str();
}

void add_policies(CLI::App& sub, Spoken& spoken) {
    sub.add_option("--policy", spoken.run_options.policies,
                   "Policy file, or folder of *.yaml and *.yml; may be repeated")
        ->type_name("PATH")
        ->allow_extra_args(false)
        ->capture_default_str();
}

void add_host_places(CLI::App& sub, Spoken& spoken) {
    sub.add_option("--docker-socket", spoken.run_options.docker_socket, "Docker's API socket")
        ->type_name("PATH")
        ->capture_default_str();
    sub.add_option("--cgroup-mount", spoken.run_options.cgroup_mount,
                   "Where cgroup v2 is mounted (default: found)")
        ->type_name("PATH");
    sub.add_option("--proc", spoken.run_options.proc, "Where the host's /proc is mounted")
        ->type_name("PATH")
        ->capture_default_str();
    sub.add_option("--sys", spoken.run_options.sys, "Where the host's /sys is mounted")
        ->type_name("PATH")
        ->capture_default_str();
}

void add_journal(CLI::App& sub, Spoken& spoken) {
    auto& retention = spoken.run_options.retention;
    const auto refuse = [](const char* option, const std::string& text, const std::string& why) {
        throw CLI::ValidationError(option, "\"" + text + "\" " + why);
    };
    sub.add_option_function<std::string>(
           "--journal-keep",
           [&retention, refuse](const std::string& text) {
               const auto parsed = policies::parse_duration(text);
               if (!parsed) refuse("--journal-keep", text, parsed.message);
               if (*parsed.value < journal::kLeastKeep) refuse("--journal-keep", text, "is less than 1m");
               retention.keep = *parsed.value;
           },
           "Events are kept for so long")
        ->type_name("TIME")
        ->default_str("30d");
    sub.add_option_function<std::string>(
           "--journal-size",
           [&retention, refuse](const std::string& text) {
               const auto parsed = policies::parse_bytes(text);
               if (!parsed) refuse("--journal-size", text, parsed.message);
               if (*parsed.value < journal::kLeastSize) refuse("--journal-size", text, "is less than 1MiB");
               retention.size = *parsed.value;
           },
           "Of the file with the events; the oldest go first")
        ->type_name("SIZE")
        ->default_str("64MiB");
}

void add_run(CLI::App& app, Spoken& spoken) {
    auto* sub = add_command(app, spoken, "run", "Run the daemon until SIGTERM; SIGHUP reloads the policies",
                            [&spoken] {
                                spoken.run_options.text_log = spoken.log_format == "text";
                                spoken.run_options.dbus = spoken.dbus == "on";
                                return governor::run(spoken.run_options);
                            });
    add_policies(*sub, spoken);
    add_socket(*sub, spoken);
    sub->add_option("--state-dir", spoken.run_options.state_dir, "Folder for what must outlive a restart")
        ->type_name("PATH")
        ->capture_default_str();
    add_journal(*sub, spoken);
    add_host_places(*sub, spoken);
    sub->add_option("--log-format", spoken.log_format, "Of the events on standard output: json or text")
        ->type_name("FORMAT")
        ->check(CLI::IsMember({"json", "text"}))
        ->capture_default_str();
    sub->add_option("--metrics-listen", spoken.run_options.metrics_listen,
                    "Serve /metrics over TCP too, such as 127.0.0.1:9477 or [::1]:9477 (default: on the "
                    "control socket only)")
        ->type_name("ADDRESS:PORT");
    sub->add_option("--dbus", spoken.dbus,
                    "Be org.jobmate.Governor1 on the system bus, when there is one: on or off")
        ->type_name("on|off")
        ->check(CLI::IsMember({"on", "off"}))
        ->capture_default_str();
}

void add_policy_commands(CLI::App& app, Spoken& spoken) {
    auto* check_sub =
        add_command(app, spoken, "check",
                    "Check policy files and folders; says everything that is wrong with them", [&spoken] {
                        if (spoken.check.paths.empty()) spoken.check.paths = spoken.run_options.policies;
                        spoken.check.json = spoken.json;
                        return check(spoken.console, spoken.check);
                    });
    check_sub->add_option("FILE", spoken.check.paths,
                          "Policy files or folders (default: " + spoken.run_options.policies.front() + ")");
    check_sub->add_flag("--host", spoken.check.host,
                        "Also add up what they promise, against the memory of this host");
    check_sub
        ->add_option("--compose", spoken.check.compose,
                     "Compose file of the stack, to be checked with the policies; may be repeated")
        ->type_name("FILE")
        ->allow_extra_args(false);
    check_sub
        ->add_option("--project", spoken.check.project,
                     "With --compose: the project's name (default: as the file's 'name:' or its folder says)")
        ->type_name("NAME")
        ->envname("COMPOSE_PROJECT_NAME");
    check_sub->add_option("--proc", spoken.check.proc, "With --host: where the host's /proc is mounted")
        ->type_name("PATH")
        ->capture_default_str();
    add_json(*check_sub, spoken);

    auto* schema = add_command(
        app, spoken, "schema", "Print the JSON Schema of a policy file, for editors; or of an event",
        [&spoken] {
            constexpr int kIndent = 2;
            auto text = spoken.event_schema ? publish::event_schema().dump(kIndent) : policies::json_schema();
            if (!text.ends_with('\n')) text += '\n';
            spoken.console.out << text;
            return static_cast<int>(kGood);
        });
    schema->add_flag("--event", spoken.event_schema, "Of an event, as `events --json` and hooks have it");
    schema->add_flag("--json", spoken.json, "Print JSON (it always is)");
}

CLI::App* add_daemon_command(CLI::App& app, Spoken& spoken, const char* name, const char* about,
                             std::function<int()> command) {
    auto* sub = add_command(app, spoken, name, about, std::move(command));
    add_socket(*sub, spoken);
    add_json(*sub, spoken);
    return sub;
}

void add_service(CLI::App& sub, Spoken& spoken) {
    sub.add_option("SERVICE", spoken.service, "Service, project/service, or container name")->required();
}

void add_daemon_commands(CLI::App& app, Spoken& spoken) {
    add_daemon_command(app, spoken, "status", "What is watched, and how near each is to its limit",
                       [&spoken] { return status(spoken.daemon()); });

    auto* events_sub =
        add_daemon_command(app, spoken, "events", "The last events, or those of a time, one a line",
                           [&spoken] { return events(spoken.daemon(), spoken.events); });
    events_sub->add_option("--service", spoken.events.service,
                           "Only of this service (also project/service, or a container name)");
    events_sub->add_option("--type", spoken.events.types, "Only of this type; may be repeated")
        ->allow_extra_args(false);
    events_sub
        ->add_option("--since", spoken.events.since,
                     "Only from then on: 2026-05-01T02:14:07Z, seconds since 1970, or 10m (ago)")
        ->type_name("TIME");
    auto* until =
        events_sub->add_option("--until", spoken.events.until, "Only up to then")->type_name("TIME");
    events_sub->add_option("--after", spoken.events.after, "Only after the event with this id")
        ->type_name("ID");
    auto* undelivered = events_sub->add_flag("--undelivered", spoken.events.undelivered,
                                             "Those that hooks gave up, with the reason, instead");
    for (CLI::Option* other : events_sub->get_options())
        if (other != undelivered && !other->check_lname("json") && !other->check_lname("socket") &&
            !other->check_lname("help"))
            undelivered->excludes(other);
    events_sub->add_flag("-f,--follow", spoken.events.follow, "Go on with new events as they come")
        ->excludes(undelivered)
        ->excludes(until);

    auto* explain_sub = add_daemon_command(app, spoken, "explain",
                                           "One service in full: thresholds, what it does, what comes next",
                                           [&spoken] { return explain(spoken.daemon(), spoken.service); });
    add_service(*explain_sub, spoken);
    auto* release_sub =
        add_daemon_command(app, spoken, "release", "Take a service out of quarantine or back-off",
                           [&spoken] { return release(spoken.daemon(), spoken.service); });
    add_service(*release_sub, spoken);
    add_daemon_command(app, spoken, "reload", "Load the policies anew; on errors the old ones stay",
                       [&spoken] { return reload(spoken.daemon()); });
}

void add_doctor(CLI::App& app, Spoken& spoken) {
    auto* sub =
        add_command(app, spoken, "doctor",
                    "Check this host, Docker and the governed containers, and say how to mend what is wrong",
                    [&spoken] { return doctor::run(spoken.console, spoken.run_options, spoken.json); });
    add_policies(*sub, spoken);
    add_socket(*sub, spoken);
    add_host_places(*sub, spoken);
    add_json(*sub, spoken);
}

void add_annotate(CLI::App& app, Spoken& spoken) {
    auto* sub = add_command(app, spoken, "annotate",
                            "Print a Compose file with annotations, so that limits and reservations hold "
                            "from the first instruction",
                            [&spoken] {
                                spoken.annotate.policies = spoken.run_options.policies;
                                spoken.annotate.json = spoken.json;
                                return annotate(spoken.console, spoken.annotate);
                            });
    sub->add_option("COMPOSE", spoken.annotate.compose, "The Compose file")->required();
    add_policies(*sub, spoken);
    sub->add_option("--project", spoken.annotate.project,
                    "The project's name (default: as the file's 'name:' or its folder says)")
        ->type_name("NAME")
        ->envname("COMPOSE_PROJECT_NAME");
    sub->add_option("--host-memory", spoken.annotate.host_memory,
                    "Memory of the host that runs the stack, for percentages (default: this host's)")
        ->type_name("SIZE");
    auto* output = sub->add_option("-o,--output", spoken.annotate.output,
                                   "Write the file there, whole or not at all (default: standard output)")
                       ->type_name("FILE");
    sub->add_flag("--check", spoken.annotate.check, "Only say what differs; exit code 1 when something does")
        ->excludes(output);
    add_json(*sub, spoken);
}

void add_small_commands(CLI::App& app, Spoken& spoken) {
    auto* version = add_command(app, spoken, "version", "Print the version", [&spoken] {
        if (spoken.json) {
            spoken.console.print_json({{"version", GOVERNOR_VERSION}});
        } else {
            spoken.console.out << "governor " GOVERNOR_VERSION "\n";
        }
        return static_cast<int>(kGood);
    });
    add_json(*version, spoken);
    auto* guardian =
        add_command(app, spoken, "guardian", "", [&spoken] { return act::run_guardian(spoken.guardian_fd); });
    // An empty group hides it: the daemon starts it, people do not.
    guardian->group("");
    guardian->add_option("--fd", spoken.guardian_fd, "")->required();
}

}  // namespace

int run_command_line(std::vector<std::string> arguments, const Console& console) {
    CLI::App app(kAbout, "governor");
    Spoken spoken(console);
    app.require_subcommand(1);
    app.footer(kExitCodes);
    app.set_version_flag("--version", "governor " GOVERNOR_VERSION);
    add_run(app, spoken);
    add_policy_commands(app, spoken);
    add_daemon_commands(app, spoken);
    add_doctor(app, spoken);
    add_annotate(app, spoken);
    add_small_commands(app, spoken);
    // CLI11 takes them from the back.
    std::ranges::reverse(arguments);
    try {
        app.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
        return app.exit(error, console.out, console.err) == 0 ? kGood : kWrongUse;
    }
    return spoken.command ? spoken.command() : kWrongUse;
}

int main(int argc, char** argv) {
    const Console console{
        std::cout, std::cerr,
        wants_colours(::isatty(STDOUT_FILENO) != 0, std::getenv("NO_COLOR"), std::getenv("TERM"))};
    std::vector<std::string> arguments(argv + 1, argv + std::max(argc, 1));
    // Diagnostics never mix with answers and events on standard output.
    spdlog::set_default_logger(spdlog::stderr_color_mt("governor"));
    try {
        return run_command_line(std::move(arguments), console);
    } catch (const std::exception& error) {
        spdlog::critical(
            "ended because of an unexpected exception: {}; this is a mistake in the governor, please report "
            "it",
            error.what());
        return kProblems;
    }
}

}  // namespace governor::cli
