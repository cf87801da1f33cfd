// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/directory.hpp"
#include "policies/event.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

/// The note that the governor leaves on a cgroup while it acts on it (an extended attribute of the
/// directory): it lives and dies with the cgroup, needs no disk, and tells the next governor what its
/// predecessor was doing.
namespace governor::act {

enum class Stage { kFrozen, kSignalled };

struct Mark {
    Stage stage = Stage::kFrozen;
    policies::TimePoint since{};  ///< CLOCK_MONOTONIC, which is one clock for the whole host
};

std::string to_string(const Mark& mark);
/// `nullopt` for a text that is not one of ours.
std::optional<Mark> parse_mark(std::string_view text);

void set_mark(const cgroups::Directory& directory, const Mark& mark);
void set_mark_at(int directory_fd, const Mark& mark);
std::optional<Mark> read_mark(const cgroups::Directory& directory);
std::optional<Mark> read_mark_at(int directory_fd);
void clear_mark_at(int directory_fd);

}  // namespace governor::act
