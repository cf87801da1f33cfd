// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "cgroup/kmsg.hpp"

#include <charconv>

namespace cgroups {
namespace {

using namespace std::chrono_literals;

/// The victims of a group follow the first one at once; another kill without its "oom-kill:" line must not be
/// taken for one of them.
constexpr auto kGroupTime = 100ms;
/// TASK_COMM_LEN without its NUL.
constexpr std::size_t kLongestComm = 15;
/// Longer lines are not the kernel's: the printk buffer ends before.
constexpr std::size_t kLongestLine = 4096;

template <class T>
bool to_number(std::string_view text, T& out, int base = 10) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    return error == std::errc{} && !text.empty() && end == text.data() + text.size();
}

/// Up to `separator`, which is taken off as well.
std::string_view take_until(std::string_view& text, char separator) {
    const auto end = text.find(separator);
    const std::string_view out = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return out;
}

/// The number between `before` and `after`.
template <class T>
bool number_between(std::string_view text, std::string_view before, std::string_view after, T& out) {
    const auto begin = text.find(before);
    if (begin == std::string_view::npos) return false;
    text.remove_prefix(begin + before.size());
    return to_number(text.substr(0, after.empty() ? text.size() : text.find(after)), out);
}

bool kibibytes(std::string_view text, std::string_view key, Bytes& sum) {
    std::uint64_t value = 0;
    if (!number_between(text, key, "kB", value)) return false;
    sum.value += value << 10U;
    return true;
}

/// ",task=<comm>,pid=<n>,uid=<n>" at the end of the line. The name may hold anything, these words too, so it
/// is read from the end; and it is short, so that a cgroup's name with ",task=" in it is not taken for it.
struct Task {
    std::string_view before;
    std::string comm;
    int pid = 0;
};
std::optional<Task> task_at_end(std::string_view line) {
    const auto uid = line.rfind(",uid=");
    std::uint64_t ignored = 0;
    if (uid == std::string_view::npos || !to_number(line.substr(uid + 5), ignored)) return std::nullopt;
    line = line.substr(0, uid);
    const auto pid = line.rfind(",pid=");
    Task out;
    if (pid == std::string_view::npos || !to_number(line.substr(pid + 5), out.pid)) return std::nullopt;
    line = line.substr(0, pid);
    constexpr std::string_view kTask = ",task=";
    for (auto at = line.find(kTask); at != std::string_view::npos; at = line.find(kTask, at + 1)) {
        out.comm = unescape_kmsg(line.substr(at + kTask.size()));
        if (out.comm.size() > kLongestComm) continue;
        out.before = line.substr(0, at);
        return out;
    }
    return std::nullopt;
}

}  // namespace

std::optional<KmsgRecord> parse_kmsg_record(std::string_view record) {
    const auto semicolon = record.find(';');
    if (semicolon == std::string_view::npos) return std::nullopt;
    KmsgRecord out;
    out.text = record.substr(semicolon + 1);
    out.text = out.text.substr(0, out.text.find('\n'));
    std::string_view head = record.substr(0, semicolon);
    unsigned priority = 0;
    std::int64_t at = 0;
    if (!to_number(take_until(head, ','), priority) || !to_number(take_until(head, ','), out.sequence) ||
        !to_number(take_until(head, ','), at))
        return std::nullopt;
    out.at = std::chrono::microseconds(at);
    out.continued = head.starts_with('c');
    constexpr unsigned kLevelBits = 3;
    out.from_kernel = priority >> kLevelBits == 0;
    return out;
}

std::string unescape_kmsg(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        unsigned char byte = 0;
        if (text.substr(i, 2) == "\\x" && i + 4 <= text.size() &&
            to_number(text.substr(i + 2, 2), byte, 16)) {
            out += static_cast<char>(byte);
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

void OomReportAssembler::interrupted() {
    choice_.clear();
    chosen_.reset();
}

std::optional<OomReport> OomReportAssembler::feed(const KmsgRecord& record) {
    if (!record.from_kernel) return std::nullopt;
    const std::string_view line = record.text;
    if (record.continued && !choice_.empty()) {
        choice_ += line;
        if (choice_.size() > kLongestLine || take_choice(choice_)) choice_.clear();
        return std::nullopt;
    }
    if (line.starts_with("oom-kill:constraint=")) {
        chosen_.reset();
        chosen_at_ = record.at;
        choice_.clear();
        if (!take_choice(line)) choice_ = line;
        return std::nullopt;
    }
    if (take_group(line)) {
        chosen_at_ = record.at;
        return std::nullopt;
    }
    return take_kill(line, record);
}

/// Follows the kill of the first victim and precedes those of the others.
bool OomReportAssembler::take_group(std::string_view line) {
    constexpr std::string_view kBefore = "Tasks in ";
    constexpr std::string_view kAfter = " are going to be killed due to memory.oom.group set";
    if (!line.starts_with(kBefore) || !line.ends_with(kAfter)) return false;
    line.remove_prefix(kBefore.size());
    const std::string group = unescape_kmsg(line.substr(0, line.size() - kAfter.size()));
    if (!chosen_ || !chosen_->task_memcg.starts_with(group)) chosen_.emplace();
    chosen_->task_memcg = group;
    chosen_->group = true;
    return true;
}

bool OomReportAssembler::take_choice(std::string_view line) {
    const auto task = task_at_end(line);
    if (!task) return false;
    OomReport report;
    report.comm = task->comm;
    report.pid = task->pid;
    // "oom-kill:constraint=C,nodemask=…,cpuset=…,mems_allowed=…,{oom_memcg=PATH|global_oom},task_memcg=PATH"
    std::string_view rest = task->before;
    report.constraint = rest.starts_with("oom-kill:constraint=CONSTRAINT_MEMCG,")
                            ? OomReport::Constraint::kMemcg
                            : OomReport::Constraint::kHost;
    constexpr std::string_view kTaskMemcg = ",task_memcg=";
    constexpr std::string_view kOomMemcg = ",oom_memcg=";
    if (const auto at = rest.find(kTaskMemcg); at != std::string_view::npos) {
        report.task_memcg = unescape_kmsg(rest.substr(at + kTaskMemcg.size()));
        rest = rest.substr(0, at);
    }
    if (const auto at = rest.find(kOomMemcg); at != std::string_view::npos)
        report.oom_memcg = unescape_kmsg(rest.substr(at + kOomMemcg.size()));
    chosen_ = std::move(report);
    return true;
}

std::optional<OomReport> OomReportAssembler::take_kill(std::string_view line, const KmsgRecord& record) {
    // "Out of memory: Killed process …", "Out of memory (oom_kill_allocating_task): …", "Memory cgroup out of
    // memory: …"
    constexpr std::string_view kKilled = ": Killed process ";
    const bool memcg = line.starts_with("Memory cgroup out of memory");
    const auto killed = line.find(kKilled);
    if (killed == std::string_view::npos || (!memcg && !line.starts_with("Out of memory")))
        return std::nullopt;
    choice_.clear();
    // A name may hold ") total-vm:" as well; the true one is the last.
    const auto numbers = line.rfind(") total-vm:");
    std::string_view who = line.substr(killed + kKilled.size());
    OomReport report;
    if (numbers == std::string_view::npos || !to_number(take_until(who, ' '), report.pid) ||
        !who.starts_with('(')) {
        chosen_.reset();
        return std::nullopt;
    }
    const auto name = static_cast<std::size_t>(who.data() - line.data()) + 1;
    if (numbers < name) return std::nullopt;
    report.comm = unescape_kmsg(line.substr(name, numbers - name));
    const std::string_view tail = line.substr(numbers);
    for (const std::string_view key : {", anon-rss:", ", file-rss:", ", shmem-rss:"})
        kibibytes(tail, key, report.rss);
    number_between(tail, " oom_score_adj:", "", report.oom_score_adj);
    report.memcg_message = memcg;
    report.sequence = record.sequence;
    report.at = record.at;
    if (!chosen_) return report;
    if (!chosen_->group && chosen_->pid != report.pid && chosen_->comm != report.comm) {
        // Its own line was left out, and this one is some other kill's.
        chosen_.reset();
        return report;
    }
    if (chosen_->group && record.at - chosen_at_ > kGroupTime) {
        chosen_.reset();
        return report;
    }
    report.constraint = chosen_->constraint;
    report.oom_memcg = chosen_->oom_memcg;
    report.task_memcg = chosen_->task_memcg;
    report.group = chosen_->group;
    // Kept, in case the rest of its group follows; only a line that says so uses it again.
    if (!chosen_->group) {
        chosen_->pid = 0;
        chosen_->comm.clear();
    }
    return report;
}

}  // namespace cgroups
