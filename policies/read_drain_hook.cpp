// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/readers.hpp"

#include <algorithm>
#include <array>

namespace policies {
namespace {

constexpr milliseconds kLongestCall{60'000};
constexpr milliseconds kLongestSettle{60'000};
constexpr std::size_t kLongestPath = 1024;
/// Kernel interfaces: a file cannot be created there.
constexpr std::array<std::string_view, 2> kKernelFolders{"/proc", "/sys"};

void read_file(YamlReader& reader, const YamlNode& node, DrainHookDraft& out) {
    ++out.calls;
    auto path = reader.text(node);
    if (!path) return;
    if (auto problem = container_path_problem(*path); !problem.empty()) {
        reader.error(node.at, YamlReader::named(node, *path) + " " + problem, "for example: /dev/shm/drain");
        return;
    }
    out.hook.call = FileCall{std::move(*path)};
}

void read_http(YamlReader& reader, const YamlNode& node, DrainHookDraft& out) {
    ++out.calls;
    if (auto call = read_http_call(reader, node, "http://ai-coach-service:8000/drain"))
        out.hook.call = std::move(*call);
}

void read_exec(YamlReader& reader, const YamlNode& node, DrainHookDraft& out) {
    ++out.calls;
    if (auto call = read_exec_call(reader, node, "[ /app/drain, --now ]")) out.hook.call = std::move(*call);
}

/// Zero: the load balancer knows at once, as when the hook is a call to itself.
void read_settle(YamlReader& reader, const YamlNode& node, DrainHookDraft& out) {
    reader.duration(node, out.hook.settle, milliseconds{0}, kLongestSettle);
}

}  // namespace

std::string container_path_problem(std::string_view path) {
    if (path.empty() || path.front() != '/') return "is not absolute: it is a path inside the container";
    if (path.size() > kLongestPath) return "is longer than " + std::to_string(kLongestPath) + " bytes";
    if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
        return "has a control character in it";
    if (path.back() == '/') return "names a folder, not a file";
    for (const auto folder : kKernelFolders)
        if (path.starts_with(folder) && path.substr(folder.size()).starts_with('/'))
            return "is below " + std::string(folder) + ", where no file can be created";
    for (std::size_t begin = 1; begin <= path.size();) {
        const auto end = std::min(path.find('/', begin), path.size());
        const auto part = path.substr(begin, end - begin);
        if (part == ".." || part == ".") return "has a '" + std::string(part) + "' in it";
        begin = end + 1;
    }
    return {};
}

const Fields<DrainHookDraft>& drain_hook_fields() {
    static constexpr std::array<Field<DrainHookDraft>, 5> kFields{{
        {"file", read_file},
        {"http", read_http},
        {"exec", read_exec},
        {"timeout", [](YamlReader& r, const YamlNode& n,
                       DrainHookDraft& out) { r.duration(n, out.hook.timeout, kLongestCall); }},
        {"settle", read_settle},
    }};
    static const auto table = make_fields<DrainHookDraft>("drain_hook", "services.<name>.near_oom.drain_hook",
                                                          "{ file: /dev/shm/drain, settle: 2s }", kFields);
    return table;
}

void read_drain_hook(YamlReader& reader, const YamlNode& node, NearOom& out) {
    DrainHookDraft draft;
    const bool clean = read_fields(reader, node, drain_hook_fields(), draft);
    if (node.kind != YamlNode::Kind::kMap) return;
    if (draft.calls != 1) {
        reader.error(
            node.at,
            draft.calls == 0 ? "'drain_hook' does not say how" : "'drain_hook' has more than one way to call",
            "give one of file, http and exec");
        return;
    }
    if (const auto* timeout = find_key(node, "timeout"); timeout && find_key(node, "file"))
        reader.warning(timeout->at, "'timeout' has no effect on a file: no answer is awaited", "remove it");
    if (clean) out.drain_hook = std::move(draft.hook);
}

/// What is left below the brake line decides whether a load balancer gets its time.
void check_drain_hook(YamlReader& reader, const YamlNode& node, const ServicePolicy& policy) {
    const auto* hook = find_key(*find_key(node, "near_oom"), "drain_hook");
    if (hook == nullptr || !policy.near_oom->drain_hook) return;
    constexpr Permille kLittle{970};
    const auto& when = policy.near_oom->when;
    const auto share = [&](const Size& size) -> std::optional<Permille> {
        if (size.share || !policy.memory.hard) return size.share;
        const Bytes hard = policy.memory.hard->bytes;
        if (hard == Bytes{}) return std::nullopt;
        return Permille{static_cast<std::int32_t>(std::min<std::uint64_t>(size.bytes.value, hard.value) *
                                                  1000 / hard.value)};
    };
    std::optional<Permille> highest = share(policy.memory.tripwire);
    for (const Term& term : when.terms)
        if (term.measure == Measure::kUnreclaimable && when.terms.size() == 1)
            highest = std::max(highest, share(term.size));
    if (!highest || *highest <= kLittle) return;
    reader.warning(hook->at,
                   "the drain hook has hardly any time: the restart begins at " + to_string(*highest) +
                       " of the hard limit, and the container is frozen when half of the rest is used",
                   "lower the tripwire and the threshold of near_oom: 85% is a good start");
}

}  // namespace policies
