// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/types.hpp"

#include <tl/expected.hpp>

#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace governor::http {

/// The `filters` of a request for events, with the meaning that Docker's Engine 26.1 gives them
/// (docs/events.md has the table): values of a key are alternatives, keys must all match, and labels must
/// all match too. A key that Docker does not know has no effect, as there.
class DockerFilter {
  public:
    /// From {"event":["oom"]} or {"event":{"oom":true}}; an empty text lets everything through. The error is
    /// Docker's own message.
    static tl::expected<DockerFilter, std::string> parse(std::string_view json);

    bool matches(const docker::Event& event) const;

  private:
    /// A value that was sent with `false` stays: Docker still takes it as a prefix.
    using Values = std::map<std::string, bool, std::less<>>;

    const Values* values_of(std::string_view key) const;
    bool is_exactly(std::string_view key, std::string_view text) const;
    bool begins_with(std::string_view key, std::string_view text) const;
    bool matches_action(const docker::Event& event) const;
    bool matches_image(const docker::Event& event) const;
    bool matches_labels(const docker::Labels& attributes) const;

    std::map<std::string, Values, std::less<>> fields_;
};

/// "docker.io/library/redis:7" and "redis@sha256:…" are "redis"; what is no image reference stays.
std::string image_without_tag(std::string_view image);

}  // namespace governor::http
