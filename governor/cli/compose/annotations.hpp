// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policies/diagnostics.hpp"
#include "policies/load.hpp"
#include "policies/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace governor::cli::compose {

/// What annotate() needs to know.
struct Request {
    policies::Source compose;  ///< the file's name, for messages, and its text
    std::string project;       ///< wins over the file's `name:`; empty: not given
    std::string folder;        ///< the project's name when nobody says another; empty: none
    std::optional<policies::Bytes> host_memory;
};

/// One thing that the Compose file does not say as the policy does.
struct Difference {
    std::string service;
    std::string policy;
    std::string key;     ///< "annotations.org.systemd.property.MemoryMin", "mem_limit", …
    std::string found;   ///< empty: missing
    std::string wanted;  ///< as it is, or should be, written
    policies::Position at;
    bool by_hand = false;  ///< the user's own choice: reported, not changed
};

/// A slice that has to protect as much as its services reserve, or their reservations count for nothing.
struct Slice {
    std::string name;  ///< "system.slice"
    policies::Bytes min{};
    policies::Bytes low{};
};

struct Annotated {
    /// The file with the annotations; the text that was given when there was nothing to do. Empty with
    /// errors.
    std::string text;
    std::vector<policies::Diagnostic> errors;
    std::vector<Difference> differences;
    std::vector<std::string> notes;  ///< what could not be said, and what is worth knowing
    std::vector<Slice> slices;       ///< outermost first
    std::size_t matched = 0;         ///< services that have a policy
    bool tripwires = false;          ///< MemoryHigh is among the annotations
};

/// Adds to each service that a policy matches the annotations that make Docker's systemd driver set its
/// reservations, tripwire and swap limit when it makes the container, and `mem_limit` and `memswap_limit`
/// where they are missing. Edits lines: comments, order, quotes, blank lines and line ends stay. What cannot
/// be edited safely is an error with its mend, and so is an edit that would change another service (by an
/// alias or a merge): all errors at once, and no text with any. Annotating its own output changes nothing.
/// Pure.
Annotated annotate(const Request& request, const policies::Policy& policy);

/// What the person who annotates must know beside the file: the notes, and what a Compose file cannot say.
std::vector<std::string> hints_of(const Annotated& annotated);

}  // namespace governor::cli::compose
