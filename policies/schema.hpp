// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

/// Internal to the schema.
namespace policies {

/// The definitions of what stands below `hooks`, each with its comma behind it.
extern const char* const kSchemaHooks;
/// The definition of what stands below `near_oom.recycle`, with its comma behind it.
extern const char* const kSchemaRecycle;
/// The definition of what stands below `near_oom.drain_hook`, with its comma behind it.
extern const char* const kSchemaDrainHook;

}  // namespace policies
