// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/docker/types.hpp"

#include "governor/docker/json_fields.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace governor::docker {
namespace {

using nlohmann::json;

json parse_json(std::string_view text) {
    return json::parse(text, nullptr, false);
}

/// Parses `text` as one object and lets `fill` read it into a T.
template <class T, class Fill>
Result<T> parse_object(std::string_view text, const char* operation, Fill fill) {
    const json document = parse_json(text);
    if (document.is_discarded()) return tl::unexpected(protocol_error(operation, "the answer is not JSON"));
    JsonFields::Failure failure;
    T result;
    fill(JsonFields(&document, "", &failure), result);
    if (failure) return tl::unexpected(protocol_error(operation, *failure));
    return result;
}

void strip_slash(std::string& name) {
    if (!name.empty() && name.front() == '/') name.erase(0, 1);
}

std::string label(const Labels& labels, std::string_view key) {
    const auto found = labels.find(key);
    return found == labels.end() ? std::string() : found->second;
}

void fill_state(const JsonFields& fields, ContainerState& out) {
    fields.read("Status", out.status);
    fields.read("Running", out.running);
    fields.read("Paused", out.paused);
    fields.read("Restarting", out.restarting);
    fields.read("OOMKilled", out.oom_killed);
    fields.read("Pid", out.pid);
    fields.read("ExitCode", out.exit_code);
    fields.read("StartedAt", out.started_at);
    fields.read("FinishedAt", out.finished_at);
    fields.object("Health").read("Status", out.health);
}

void fill_host_config(const JsonFields& fields, HostConfig& out) {
    fields.read("Memory", out.memory);
    fields.read("MemorySwap", out.memory_swap);
    fields.read("MemoryReservation", out.memory_reservation);
    fields.read("CgroupParent", out.cgroup_parent);
    const JsonFields restart = fields.object("RestartPolicy");
    restart.read("Name", out.restart_policy);
    restart.read("MaximumRetryCount", out.restart_max_retries);
    fields.read("Annotations", out.annotations);
    fields.read("OomScoreAdj", out.oom_score_adj);
    fields.read("NetworkMode", out.network_mode);
    fields.read("PidMode", out.pid_mode);
    fields.read("IpcMode", out.ipc_mode);
}

void fill_details(const JsonFields& fields, ContainerDetails& out) {
    fields.read("Id", out.id);
    fields.read("Name", out.name);
    strip_slash(out.name);
    fields.read("RestartCount", out.restart_count);
    fill_state(fields.object("State"), out.state);
    fill_host_config(fields.object("HostConfig"), out.host_config);

    const JsonFields config = fields.object("Config");
    config.read("Image", out.image);
    config.read("Labels", out.labels);
    config.read("StopSignal", out.stop_signal);
    std::optional<std::int64_t> stop_timeout;
    config.read("StopTimeout", stop_timeout);
    if (stop_timeout) out.stop_timeout = std::chrono::seconds(*stop_timeout);

    for (const auto& [name, network] : fields.object("NetworkSettings").object("Networks").objects()) {
        network.read("IPAddress", out.networks[name]);
    }
}

std::optional<int> parse_digits(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool good = !text.empty() && error == std::errc() && end == text.data() + text.size() && value >= 0;
    return good ? std::optional(value) : std::nullopt;
}

/// "Z", "+02:00" or "-07:30".
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
    if (text == "Z") return std::chrono::minutes(0);
    if (text.size() != 6 || text[3] != ':' || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    const auto hours = parse_digits(text.substr(1, 2));
    const auto minutes = parse_digits(text.substr(4, 2));
    if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
    const int total = *hours * 60 + *minutes;
    return std::chrono::minutes(text[0] == '-' ? -total : total);
}

/// Takes ".123456789" from the front of `text`; nothing there is 0 ns.
std::optional<std::chrono::nanoseconds> take_fraction(std::string_view& text) {
    if (text.empty() || text.front() != '.') return std::chrono::nanoseconds(0);
    text.remove_prefix(1);
    const std::string_view digits = text.substr(0, text.find_first_not_of("0123456789"));
    if (digits.empty() || digits.size() > 9) return std::nullopt;
    std::string padded(digits);
    padded.resize(9, '0');
    text.remove_prefix(digits.size());
    return std::chrono::nanoseconds(*parse_digits(padded));
}

}  // namespace

Compose compose_of(const Labels& labels) {
    Compose compose;
    compose.project = label(labels, "com.docker.compose.project");
    compose.service = label(labels, "com.docker.compose.service");
    compose.number = parse_digits(label(labels, "com.docker.compose.container-number")).value_or(0);
    const std::string oneoff = label(labels, "com.docker.compose.oneoff");
    compose.oneoff = oneoff == "True" || oneoff == "true";
    return compose;
}

std::vector<JoinedNamespace> joined_namespaces(const HostConfig& config) {
    constexpr std::string_view kContainer = "container:";
    using Mode = std::pair<std::string_view, const std::string&>;
    const std::array<Mode, 3> modes{Mode{"network", config.network_mode}, Mode{"pid", config.pid_mode},
                                    Mode{"ipc", config.ipc_mode}};
    std::vector<JoinedNamespace> out;
    for (const auto& [kind, mode] : modes) {
        if (mode.starts_with(kContainer) && mode.size() > kContainer.size())
            out.push_back({kind, mode.substr(kContainer.size())});
    }
    return out;
}

bool is_joined(std::string_view container, std::string_view id, std::string_view name) {
    constexpr std::size_t kShortId = 12;
    if (container == id || container == name) return true;
    return container.size() >= kShortId && id.starts_with(container);
}

std::string_view Event::action_name() const {
    const std::string_view whole = action;
    return whole.substr(0, whole.find(':'));
}

std::string_view Event::action_detail() const {
    const std::string_view whole = action;
    const std::size_t colon = whole.find(':');
    if (colon == std::string_view::npos) return {};
    const std::size_t start = whole.find_first_not_of(' ', colon + 1);
    return start == std::string_view::npos ? std::string_view() : whole.substr(start);
}

Result<Version> parse_version(std::string_view text) {
    return parse_object<Version>(text, "read Docker's version", [](const JsonFields& fields, Version& out) {
        fields.read("Version", out.version);
        fields.read("ApiVersion", out.api_version);
        fields.read("MinAPIVersion", out.min_api_version);
        fields.read("KernelVersion", out.kernel_version);
    });
}

Result<Info> parse_info(std::string_view text) {
    return parse_object<Info>(text, "read Docker's info", [](const JsonFields& fields, Info& out) {
        fields.read("ID", out.id);
        fields.read("Name", out.name);
        fields.read("CgroupDriver", out.cgroup_driver);
        fields.read("CgroupVersion", out.cgroup_version);
        fields.read("Warnings", out.warnings);
        fields.read("SecurityOptions", out.security_options);
        fields.read("MemTotal", out.mem_total);
    });
}

Result<ContainerDetails> parse_container(std::string_view text) {
    return parse_object<ContainerDetails>(text, "read a container's details", fill_details);
}

Result<Event> parse_event(std::string_view text) {
    return parse_object<Event>(text, "read an event", [](const JsonFields& fields, Event& out) {
        fields.read("Type", out.type);
        fields.read("Action", out.action);
        const JsonFields actor = fields.object("Actor");
        actor.read("ID", out.actor_id);
        actor.read("Attributes", out.attributes);
        fields.read("scope", out.scope);
        fields.read("timeNano", out.time_nano);
    });
}

Result<ExecState> parse_exec(std::string_view text) {
    return parse_object<ExecState>(text, "read an exec's state",
                                   [](const JsonFields& fields, ExecState& out) {
                                       fields.read("Running", out.running);
                                       std::optional<std::int64_t> exit_code;
                                       fields.read("ExitCode", exit_code);
                                       if (exit_code) out.exit_code = static_cast<int>(*exit_code);
                                   });
}

Result<std::string> parse_id(std::string_view text) {
    const char* operation = "read the id of a new object";
    auto id = parse_object<std::string>(
        text, operation, [](const JsonFields& fields, std::string& out) { fields.read("Id", out); });
    if (id && id->empty()) return tl::unexpected(protocol_error(operation, "the answer has no Id"));
    return id;
}

Result<std::vector<std::string>> parse_warnings(std::string_view text) {
    using List = std::vector<std::string>;
    return parse_object<List>(text, "read the warnings of an update",
                              [](const JsonFields& fields, List& out) { fields.read("Warnings", out); });
}

std::optional<std::chrono::sys_time<std::chrono::nanoseconds>> parse_time(std::string_view text) {
    using namespace std::chrono;
    constexpr std::string_view kShape = "0000-00-00T00:00:00";
    if (text.size() <= kShape.size() || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
        text[13] != ':' || text[16] != ':') {
        return std::nullopt;
    }
    const auto year_n = parse_digits(text.substr(0, 4));
    const auto month_n = parse_digits(text.substr(5, 2));
    const auto day_n = parse_digits(text.substr(8, 2));
    const auto hour_n = parse_digits(text.substr(11, 2));
    const auto minute_n = parse_digits(text.substr(14, 2));
    const auto second_n = parse_digits(text.substr(17, 2));
    if (!year_n || !month_n || !day_n || !hour_n || !minute_n || !second_n) return std::nullopt;
    const year_month_day date{year(*year_n), month(static_cast<unsigned>(*month_n)),
                              day(static_cast<unsigned>(*day_n))};
    // 64-bit nanoseconds reach from 1677 to 2262.
    if (!date.ok() || *year_n < 1678 || *year_n > 2261) return std::nullopt;
    if (*hour_n > 23 || *minute_n > 59 || *second_n > 60) return std::nullopt;
    std::string_view rest = text.substr(kShape.size());
    const auto fraction = take_fraction(rest);
    const auto offset = parse_offset(rest);
    if (!fraction || !offset) return std::nullopt;
    return sys_days(date) + hours(*hour_n) + minutes(*minute_n) + seconds(*second_n) + *fraction - *offset;
}

}  // namespace governor::docker
