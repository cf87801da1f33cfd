// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/schema.hpp"

namespace policies {

const char* const kSchemaDrainHook = R"json(    "drain_hook": {
      "description": "Takes the container out of its load balancer before a graceful restart. One of file, http and exec.",
      "type": "object",
      "additionalProperties": false,
      "oneOf": [{ "required": ["file"] }, { "required": ["http"] }, { "required": ["exec"] }],
      "properties": {
        "file": {
          "description": "Absolute path in the container; created before the restart and removed after it.",
          "type": "string",
          "maxLength": 1024,
          "pattern": "^/|\\$\\{"
        },
        "http": { "description": "POST to this http:// URL.", "type": "string", "pattern": "^http://|\\$\\{" },
        "exec": {
          "description": "Command to run in the container, as a list.",
          "type": "array",
          "minItems": 1,
          "items": { "type": ["string", "number"] }
        },
        "timeout": { "description": "How long the call may take (http, exec). At most 1m.", "default": "1s", "$ref": "#/$defs/duration" },
        "settle": {
          "description": "What the load balancer needs after the call, while memory allows. At most 1m; 0s: nothing.",
          "default": "2s",
          "$ref": "#/$defs/duration"
        }
      }
    },
)json";

}  // namespace policies
