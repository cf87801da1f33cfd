// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/cli/compose/document.hpp"
#include "policies/policy.hpp"

#include <map>
#include <string>
#include <vector>

namespace governor::cli::compose {

/// One key below `services`.
struct Service {
    std::string name;
    const Node* key = nullptr;
    const Node* value = nullptr;  ///< as written: may be an alias, or nothing
};

/// Where the value of a service's key comes from. Compose lets an extended service (`extends`) give what
/// neither the service nor its merges have.
struct Setting {
    const Entry* entry = nullptr;
    bool own = false;
    explicit operator bool() const { return entry != nullptr; }
    const Node& value() const { return resolved(*entry->value); }
};

/// The services of a Compose file. Refers to the document, which must live as long.
class Project {
  public:
    /// `document.root` must be a map.
    explicit Project(const Document& document);

    /// As `name:` says; empty when it does not.
    const std::string& name() const { return name_; }
    const std::vector<Service>& services() const { return services_; }
    const Service* find_service(std::string_view name) const;

    /// Also through `extends` within this file.
    Setting setting(const Service& service, std::string_view key) const;
    /// A map, or list of "a=b", of this service; Compose adds the extended service's to its own.
    std::map<std::string, std::string> words(const Service& service, std::string_view key) const;
    /// Below `deploy.resources.<kind>.memory` (kind: limits, reservations); null when it is not there.
    const Node* deploy_memory(const Service& service, std::string_view kind) const;
    /// It, or one that it extends, extends a service of another file: what that one says is not known here.
    bool extends_another_file(const Service& service) const;
    /// What a policy's `match` looks at.
    policies::Candidate candidate(const Service& service, const std::string& project) const;
    /// How many containers Compose makes of it, where a number says so; else 1.
    int replicas(const Service& service) const;

  private:
    /// The service and those that it extends, nearest first.
    std::vector<const Service*> chain(const Service& service) const;

    std::string name_;
    std::vector<Service> services_;
};

/// The key "a" of a map or of a list of "a=b" (labels, annotations), merges included.
std::map<std::string, std::string> words_of(const Node& node);

}  // namespace governor::cli::compose
