// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/fields.hpp"
#include "policies/policy.hpp"
#include "policies/quantity.hpp"

#include <deque>
#include <optional>
#include <string>
#include <string_view>

/// The readers of the policy's parts. Internal to the loader.
namespace policies {

struct PressureDraft {
    std::optional<Permille> some;
    std::optional<Permille> full;
    milliseconds over{10'000};
};

/// `warn` before it is known to have a condition and one way to call.
struct WarnDraft {
    Warn warn;
    int calls = 0;
};

struct HostPressureDraft {
    std::optional<Permille> some;
    std::optional<Permille> full;
    milliseconds over = HostPressure{}.over;
};

/// `drain_hook` before it is known to have one way to call.
struct DrainHookDraft {
    DrainHook hook;
    int calls = 0;
};

/// A hook before it is known to have one target.
struct HookDraft {
    Hook hook;
    int targets = 0;
    Position at;  ///< of its name, if it has one
    bool named = false;
};

/// A webhook before it is known to have one place for each of its texts, and what follows from its format.
struct WebhookDraft {
    Webhook webhook;
    bool format_clean = true;
};

/// A service's policy with what the checks need to know: which parts were read without an error.
struct ServiceDraft {
    ServicePolicy policy;
    bool match_clean = true;
    bool memory_clean = true;
    bool near_oom_clean = true;
    bool restart_clean = true;
    bool restart_with_clean = true;
    bool never_clean = true;
};

const Fields<Term>& term_fields();
const Fields<PressureDraft>& pressure_fields();
const Fields<Condition>& condition_fields();
const Fields<WarnDraft>& warn_fields();
const Fields<Brake>& brake_fields();
const Fields<Drain>& drain_fields();
const Fields<Recycle>& recycle_fields();
const Fields<DrainHookDraft>& drain_hook_fields();
const Fields<NearOom>& near_oom_fields();
const Fields<Match>& match_fields();
const Fields<Memory>& memory_fields();
const Fields<Backoff>& backoff_fields();
const Fields<Breaker>& breaker_fields();
const Fields<Restart>& restart_fields();
const Fields<RestartWith>& restart_with_fields();
const Fields<Reserve>& reserve_fields();
const Fields<ServiceDraft>& service_fields();
const Fields<HostPressureDraft>& host_pressure_fields();
const Fields<Host>& host_fields();
const Fields<HookDraft>& hook_fields();
const Fields<WebhookDraft>& webhook_fields();
const Fields<SecretText>& header_value_fields();
const Fields<HookSignature>& hmac_fields();
const Fields<ExecHook>& exec_hook_fields();
const Fields<HookRetry>& retry_fields();

void read_condition(YamlReader& reader, const YamlNode& node, Condition& out);
void read_drain_hook(YamlReader& reader, const YamlNode& node, NearOom& out);
void read_near_oom(YamlReader& reader, const YamlNode& node, NearOom& out);
void read_host(YamlReader& reader, const YamlNode& node, Host& out);
void read_reserve(YamlReader& reader, const YamlNode& node, Reserve& out);
void read_hooks(YamlReader& reader, const YamlNode& node, std::deque<HookDraft>& out);
void read_webhook(YamlReader& reader, const YamlNode& node, Webhook& out);
void read_globs(YamlReader& reader, const YamlNode& node, std::vector<std::string>& out);
/// -1000 to 1000, the kernel's bounds.
void read_oom_score_adj(YamlReader& reader, const YamlNode& node, std::optional<int>& out);
void read_optional_size(YamlReader& reader, const YamlNode& node, std::optional<Size>& out, Zero zero);

/// The name goes into metrics, labels and file names, hence the narrow set: letters, digits, `.`, `-`, `_`.
bool is_policy_name(std::string_view name);
inline constexpr const char* kNameHint =
    "letters, digits, '.', '-' and '_', at most 63; a letter or digit first";

/// "SIGUSR1", "USR1", "10", "RTMIN+3". Signals that end or stop a process are refused: a warning must not.
Parsed<int> parse_warn_signal(std::string_view text);
/// The graceful signal of one process: refused are those that cannot be handled, and those that end nothing.
Parsed<int> parse_recycle_signal(std::string_view text);
/// What is wrong with the URL of a call into the stack; empty when nothing is.
std::string warn_url_problem(std::string_view url);
/// What is wrong with the path of a file in a container, as the rest of a sentence; empty when nothing is.
std::string container_path_problem(std::string_view path);
/// `http` and `exec` of a call; nothing, and an error is reported, when the value cannot be used. The example
/// is for the hint.
std::optional<HttpCall> read_http_call(YamlReader& reader, const YamlNode& node, std::string_view example);
std::optional<ExecCall> read_exec_call(YamlReader& reader, const YamlNode& node, std::string_view example);

/// What the values mean together. `node` is the service's map.
void check_service(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft);
void check_reserve(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft);
void check_drain_hook(YamlReader& reader, const YamlNode& node, const ServicePolicy& policy);
void check_priority(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft);
void check_restart_with(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft);
void check_loan(YamlReader& reader, const YamlNode& node, const ServiceDraft& draft);

}  // namespace policies
