// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/stepper.hpp"

namespace policies {

void Stepper::watch_drain_hook() {}

void Stepper::drain_hook_over() {}

void Stepper::on(const DrainHookDone&) {}

}  // namespace policies
