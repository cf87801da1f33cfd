// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/watch/oom_log.hpp"

#include <charconv>
#include <iterator>
#include <utility>

namespace governor::watch {
namespace {

/// A full ring of a big host has 100,000 lines: the loop turns in between.
constexpr int kLinesAtOnce = 500;
/// Reports that nobody told within this time were nobody's.
constexpr auto kOpenFor = std::chrono::seconds(30);

}  // namespace

std::optional<OomLog::Heard> OomLog::next() {
    for (int i = 0; i < kLinesAtOnce; ++i) {
        const auto text = log_.next();
        if (!text) failure_ = text.error().message();
        if (!text || text->empty()) {
            caught_up_ = true;
            more_ = false;
            return std::nullopt;
        }
        if (take(*text)) {
            more_ = true;
            return std::exchange(heard_, std::nullopt);
        }
    }
    more_ = true;
    return std::nullopt;
}

bool OomLog::take(std::string_view text) {
    if (std::exchange(lost_seen_, log_.lost()) != log_.lost()) assembler_.interrupted();
    const auto record = cgroups::parse_kmsg_record(text);
    if (!record) return false;
    const auto report = assembler_.feed(*record);
    const bool past = !caught_up_ && (!told_ || record->sequence <= *told_);
    sequence_ = record->sequence;
    while (!open_.empty() && record->at - open_.begin()->second > kOpenFor) open_.erase(open_.begin());
    if (!report || past) return false;
    open_.emplace(report->sequence, report->at);
    heard_ = Heard{*report, !caught_up_};
    return true;
}

void OomLog::was_told(std::uint64_t sequence) {
    open_.erase(sequence);
}

std::uint64_t OomLog::cursor() const {
    return open_.empty() ? sequence_ : open_.begin()->first - 1;
}

std::string cursor_text(std::string_view boot_id, std::uint64_t sequence) {
    return std::string(boot_id.substr(0, boot_id.find('\n'))) + " " + std::to_string(sequence) + "\n";
}

std::optional<std::uint64_t> parse_cursor(std::string_view text, std::string_view boot_id) {
    boot_id = boot_id.substr(0, boot_id.find('\n'));
    if (boot_id.empty() || !text.starts_with(boot_id) || !text.ends_with('\n')) return std::nullopt;
    text.remove_prefix(boot_id.size());
    text.remove_suffix(1);
    if (!text.starts_with(' ')) return std::nullopt;
    text.remove_prefix(1);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

}  // namespace governor::watch
