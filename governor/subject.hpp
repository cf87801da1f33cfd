// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "governor/docker/types.hpp"
#include "governor/publish/record.hpp"

namespace governor {

/// Whom an event is about, as Docker names it. Outside Compose the container's name stands for the service.
publish::Subject subject_of(const docker::ContainerDetails& details);
/// The same from an event's attributes, which is all that is left of a container that was gone at once.
publish::Subject subject_of(const docker::Event& event);

}  // namespace governor
