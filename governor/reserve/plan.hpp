// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cgroup/parse.hpp"
#include "cgroup/shared_text.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// Which values have to be on which cgroups so that every reservation is really honoured. Pure.
namespace governor::reserve {

enum class Knob : std::uint8_t { kMin, kLow, kSwapMax };
/// "memory.min"
std::string_view file_of(Knob knob);
/// "MemoryMin": systemd's name for it.
std::string_view property_of(Knob knob);

/// One cgroup's file, by its absolute path.
struct Place {
    cgroups::SharedText path;
    Knob knob = Knob::kMin;
    auto operator<=>(const Place&) const = default;
};

/// What one container's policy asks for.
struct Claim {
    cgroups::SharedText path;  ///< of its cgroup, absolute
    std::optional<cgroups::Bytes> min;
    std::optional<cgroups::Bytes> low;
    std::optional<cgroups::Bytes> swap;
};

/// What an ancestor had before the governor raised it.
struct Baseline {
    cgroups::Bytes min;
    cgroups::Bytes low;
    bool operator==(const Baseline&) const = default;
};

/// The cgroups between the mount (excluded) and `path` (excluded), topmost first. Empty when `path` is not
/// below it.
std::vector<std::string> ancestors(std::string_view mount, std::string_view path);

/// Everything that must be set. An ancestor gets the sum of what is claimed below it, and never less than its
/// baseline; one that has a baseline and no claim any more goes back to it.
std::map<Place, cgroups::Bytes> plan(std::string_view mount, std::span<const Claim> claims,
                                     const std::map<std::string, Baseline>& baselines);

/// The unit that systemd knows a cgroup by: its last component, when that is a slice, scope or service. Empty
/// for the directories of the cgroupfs driver.
std::string unit_of(std::string_view path);

/// Note on an ancestor that the governor raised: what it had before. Survives the governor, dies with the
/// cgroup.
std::string to_note(const Baseline& baseline);
std::optional<Baseline> parse_note(std::string_view text);

}  // namespace governor::reserve
