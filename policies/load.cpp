// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/load.hpp"

#include "policies/check_together.hpp"
#include "policies/readers.hpp"
#include "policies/suggest.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <exception>
#include <unordered_map>

namespace policies {
namespace {

struct ReadService {
    ServiceDraft draft;
    Position name_at;
    Position match_at;
    Position priority_at;
};

struct FileDraft {
    std::optional<Host> host;
    Position host_at;
    bool host_clean = true;
    std::deque<ReadService> services;
    std::deque<HookDraft> hooks;
};

constexpr std::size_t kLongestName = 63;

void read_version(YamlReader& reader, const YamlNode& node, FileDraft&) {
    const auto written = reader.text(node);
    if (!written || *written == "1") return;
    reader.error(node.at, "version " + YamlReader::named(node, *written) +
                              " is not known: this governor reads version 1");
}

void read_services(YamlReader& reader, const YamlNode& node, FileDraft& out) {
    if (!reader.expect_map(node, "services: { worker: { match: { service: worker } } }")) return;
    if (node.entries.empty()) reader.error(node.at, "'services' is empty: there is nothing to govern");
    std::unordered_map<std::string_view, Position> seen;
    for (const auto& entry : node.entries) {
        const YamlReader::Inside inside(reader, entry.key);
        if (const auto [first, is_new] = seen.emplace(entry.key, entry.at); !is_new) {
            reader.error(entry.at, "the policy '" + entry.key + "' is given twice; first at " +
                                       reader.lines().place(first->second));
        }
        if (!is_policy_name(entry.key)) {
            reader.error(entry.at, "'" + entry.key.substr(0, 80) + "' cannot be a policy's name", kNameHint);
        }
        auto& read = out.services.emplace_back();
        read.draft.policy.name = entry.key;
        read.name_at = entry.at;
        if (entry.value->kind == YamlNode::Kind::kNull) {
            reader.error(entry.at, "the policy '" + entry.key + "' is empty",
                         "for example: " + std::string(service_fields().table.example));
            read.draft.match_clean = false;
            continue;
        }
        read_fields(reader, *entry.value, service_fields(), read.draft);
        read.match_at = place_of(*entry.value, {"match"});
        read.priority_at = place_of(*entry.value, {"priority"});
        if (entry.value->kind == YamlNode::Kind::kMap) check_service(reader, *entry.value, read.draft);
    }
}

void read_file_host(YamlReader& reader, const YamlNode& node, FileDraft& out) {
    const auto errors_before = reader.errors();
    out.host_at = node.at;
    read_host(reader, node, out.host.emplace());
    out.host_clean = reader.errors() == errors_before;
}

const Fields<FileDraft>& file_fields() {
    static constexpr std::array<Field<FileDraft>, 4> kFields{{
        {"version", read_version},
        {"host", read_file_host},
        {"services", read_services},
        {"hooks", [](YamlReader& r, const YamlNode& n, FileDraft& out) { read_hooks(r, n, out.hooks); }},
    }};
    static const auto table = make_fields<FileDraft>("file", "the top level", "version: 1", kFields);
    return table;
}

/// Everything about one source; the reader keeps pointers into it, so it stays where it is.
struct LoadedFile {
    LoadedFile(const Source& source, const Environment& environment)
        : lines(source), reader(lines, environment) {}
    LoadedFile(const LoadedFile&) = delete;
    LoadedFile& operator=(const LoadedFile&) = delete;

    SourceLines lines;
    YamlReader reader;
    FileDraft draft;
};

bool is_other_version(const YamlNode& version) {
    return version.kind == YamlNode::Kind::kScalar && version.text != "1" &&
           version.text.find('$') == std::string::npos;
}

void read_root(YamlReader& reader, const YamlNode& root, FileDraft& out) {
    // Of a later version's file every other message would be wrong.
    if (const auto* version = find_key(root, "version"); version && is_other_version(*version)) {
        const YamlReader::Inside inside(reader, "version");
        read_version(reader, *version, out);
        return;
    }
    read_fields(reader, root, file_fields(), out);
    if (root.kind != YamlNode::Kind::kMap) return;
    if (find_key(root, "version") == nullptr) {
        reader.error(root.at, "'version' is missing", "begin the file with: version: 1");
    }
    // What is so for the whole host, and whom to tell, may have files of their own.
    const auto lacks = [&](std::string_view key) { return find_key(root, key) == nullptr; };
    if (lacks("services") && lacks("host") && lacks("hooks")) {
        reader.error(root.at, "'services' is missing: there is nothing to govern",
                     "for example: services: { worker: { match: { service: worker } } }");
    }
}

void read_file(LoadedFile& file, const std::string& text) {
    auto& reader = file.reader;
    if (text.size() > kMaxSourceBytes) {
        reader.error({}, "the file has " + std::to_string(text.size()) + " bytes; the most is 1MiB",
                     "is this a policy file?");
        return;
    }
    if (auto not_text = find_not_text(text)) {
        reader.error(not_text->at, std::move(not_text->message), "policy files are UTF-8 text");
        return;
    }
    auto tree = parse_yaml(text);
    for (auto& problem : tree.problems)
        reader.error(problem.at, std::move(problem.message), std::move(problem.hint));
    if (tree.root == nullptr || tree.root->kind == YamlNode::Kind::kNull) {
        if (!tree.problems.empty()) return;
        const bool blank = text.find_first_not_of(" \t\r\n") == std::string::npos;
        reader.error(
            {}, blank ? "the file is empty" : "the file has no policy: there is nothing in it but comments",
            "begin it with: version: 1");
        return;
    }
    read_root(reader, *tree.root, file.draft);
}

/// A hook without a name is called by its kind and its number among all hooks.
std::vector<PlacedHook> name_hooks(std::deque<LoadedFile>& files) {
    std::vector<PlacedHook> placed;
    for (auto& file : files) {
        for (auto& [hook, targets, at, named] : file.draft.hooks) {
            const auto number = std::to_string(placed.size() + 1);
            const bool exec = std::holds_alternative<ExecHook>(hook.target);
            if (!named && targets == 1) hook.name = (exec ? "exec-" : "webhook-") + number;
            placed.push_back({&hook, &file.reader, at});
        }
    }
    return placed;
}

LoadResult load_all(const std::vector<Source>& sources, const Environment& environment) {
    std::deque<LoadedFile> files;
    std::vector<PlacedService> placed;
    std::vector<PlacedHost> hosts;
    for (const auto& source : sources) {
        auto& file = files.emplace_back(source, environment);
        read_file(file, source.text);
        if (file.draft.host)
            hosts.push_back({&*file.draft.host, &file.reader, file.draft.host_at, file.draft.host_clean});
        for (auto& service : file.draft.services) {
            placed.push_back({&service.draft.policy, &file.reader, service.name_at, service.match_at,
                              service.priority_at, service.draft.match_clean});
        }
    }
    check_together(placed, hosts, name_hooks(files));

    LoadResult result;
    Policy policy;
    if (!hosts.empty()) policy.host = *hosts.front().host;
    bool good = true;
    for (auto& file : files) {
        good = good && file.reader.errors() == 0;
        auto found = file.reader.take_diagnostics();
        std::ranges::move(found, std::back_inserter(result.diagnostics));
        for (auto& service : file.draft.services) policy.services.push_back(std::move(service.draft.policy));
        for (auto& draft : file.draft.hooks) policy.hooks.push_back(std::move(draft.hook));
    }
    if (good) result.policy = std::move(policy);
    return result;
}

LoadResult failed(std::string message) {
    LoadResult result;
    result.diagnostics.push_back({.severity = Severity::kError,
                                  .file = {},
                                  .line = 0,
                                  .column = 0,
                                  .path = {},
                                  .message = std::move(message),
                                  .hint = {},
                                  .snippet = {}});
    return result;
}

}  // namespace

bool is_policy_name(std::string_view name) {
    const auto alnum = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !name.empty() && name.size() <= kLongestName && alnum(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return alnum(c) || c == '_' || c == '-' || c == '.'; });
}

const std::vector<KeyTable>& key_tables() {
    static const std::vector<KeyTable> tables{
        file_fields().table,      service_fields().table,       match_fields().table,
        memory_fields().table,    near_oom_fields().table,      condition_fields().table,
        term_fields().table,      pressure_fields().table,      warn_fields().table,
        brake_fields().table,     drain_fields().table,         drain_hook_fields().table,
        restart_fields().table,   backoff_fields().table,       breaker_fields().table,
        reserve_fields().table,   recycle_fields().table,       restart_with_fields().table,
        host_fields().table,      host_pressure_fields().table, hook_fields().table,
        webhook_fields().table,   header_value_fields().table,  hmac_fields().table,
        exec_hook_fields().table, retry_fields().table};
    return tables;
}

LoadResult load(const std::vector<Source>& sources, const Environment& environment) {
    if (sources.empty()) return failed("there is no policy file to load");
    try {
        return load_all(sources, environment);
    } catch (const std::exception& error) {
        return failed(std::string("the policies cannot be loaded: ") + error.what());
    }
}

}  // namespace policies
