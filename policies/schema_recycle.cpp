// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/schema.hpp"

namespace policies {

const char* const kSchemaRecycle = R"json(    "recycle": {
      "description": "How one process of a pool is ended (do: recycle, do: auto).",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "processes": {
          "description": "Globs on a process's name or command line; absent: every child of a pool.",
          "$ref": "#/$defs/globs"
        },
        "signal": {
          "description": "The signal that makes this process finish its work and end: TERM, QUIT, USR1 or a number.",
          "default": "TERM",
          "type": ["string", "integer"]
        },
        "grace": { "description": "After this time it alone is killed. At most 1h.", "default": "20s", "$ref": "#/$defs/duration" },
        "respawn": {
          "description": "Within which its parent must have started a new child; not_expected: the pool starts one when it needs one. At most 10m.",
          "default": "10s",
          "anyOf": [{ "const": "not_expected" }, { "$ref": "#/$defs/duration" }]
        },
        "every": { "description": "Not again sooner than this after the last one ended.", "default": "1s", "$ref": "#/$defs/duration" },
        "weight": { "description": "Share of a restart that one recycle counts for the breaker.", "default": "2%", "$ref": "#/$defs/share" }
      }
    },
)json";

}  // namespace policies
