// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "governor/act/mark.hpp"

#include <sys/xattr.h>

#include <array>
#include <charconv>

namespace governor::act {

std::string to_string(const Mark& mark) {
    return std::string(mark.stage == Stage::kFrozen ? "frozen " : "signalled ") +
           std::to_string(mark.since.time_since_epoch().count());
}

std::optional<Mark> parse_mark(std::string_view text) {
    Mark mark;
    const auto space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const std::string_view stage = text.substr(0, space);
    if (stage == "signalled") {
        mark.stage = Stage::kSignalled;
    } else if (stage != "frozen") {
        return std::nullopt;
    }
    std::int64_t count = 0;
    const auto [end, error] = std::from_chars(text.data() + space + 1, text.data() + text.size(), count);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    mark.since = policies::TimePoint(policies::Duration(count));
    return mark;
}

// A cgroup without room for the note (kernels before 5.7 take none) still gets all the rest: adoption is then
// by the hold alone.
void set_mark(const cgroups::Directory& directory, const Mark& mark) {
    static_cast<void>(directory.set_mark(to_string(mark)));
}

void set_mark_at(int directory_fd, const Mark& mark) {
    const std::string text = to_string(mark);
    static_cast<void>(::fsetxattr(directory_fd, cgroups::kMarkName, text.data(), text.size(), 0));
}

std::optional<Mark> read_mark(const cgroups::Directory& directory) {
    const auto text = directory.mark();
    if (!text) return std::nullopt;
    return parse_mark(*text);
}

std::optional<Mark> read_mark_at(int directory_fd) {
    std::array<char, 256> text;
    const ssize_t got = ::fgetxattr(directory_fd, cgroups::kMarkName, text.data(), text.size());
    return got < 0 ? std::nullopt : parse_mark(std::string_view(text.data(), static_cast<std::size_t>(got)));
}

void clear_mark_at(int directory_fd) {
    ::fremovexattr(directory_fd, cgroups::kMarkName);
}

}  // namespace governor::act
