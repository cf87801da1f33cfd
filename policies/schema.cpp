// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/schema.hpp"

#include "policies/load.hpp"

namespace policies {
namespace {

// For editors (completion, red lines while typing) and for CI. It knows shapes; what values mean together is
// the loader's. Each object below is one key table of the loader, by the same name; a test holds the two
// together.
constexpr const char* kSchemaHead = R"json({
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "$id": "https://governor.invalid/policy-v1.schema.json",
  "title": "Governor policy, version 1",
  "$ref": "#/$defs/file",
  "$defs": {
    "file": {
      "type": "object",
      "additionalProperties": false,
      "required": ["version"],
      "anyOf": [{ "required": ["services"] }, { "required": ["host"] }, { "required": ["hooks"] }],
      "properties": {
        "version": { "description": "The version of this format.", "enum": [1, "1"] },
        "host": { "$ref": "#/$defs/host" },
        "services": {
          "description": "Policies by name. The name is what metrics, logs and the label governor.policy use.",
          "type": "object",
          "minProperties": 1,
          "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" },
          "additionalProperties": { "$ref": "#/$defs/service" }
        },
        "hooks": {
          "description": "Whom to tell of which events. Those of all files are put together.",
          "type": "array",
          "minItems": 1,
          "items": { "$ref": "#/$defs/hook" }
        }
      }
    },
    "service": {
      "description": "What to do for a set of containers.",
      "type": "object",
      "additionalProperties": false,
      "required": ["match"],
      "properties": {
        "match": { "$ref": "#/$defs/match" },
        "memory": { "$ref": "#/$defs/memory" },
        "reserve": { "$ref": "#/$defs/reserve" },
        "priority": {
          "description": "Who gives way first when the host runs short: the lowest. Absent: never chosen for it.",
          "anyOf": [{ "type": "integer", "minimum": 0, "maximum": 1000 }, { "$ref": "#/$defs/variable" }]
        },
        "near_oom": { "$ref": "#/$defs/near_oom" },
        "restart": { "$ref": "#/$defs/restart" },
        "restart_with": { "$ref": "#/$defs/restart_with" },
        "never": {
          "description": "What must never be done to these containers.",
          "type": "array",
          "minItems": 1,
          "items": { "anyOf": [{ "enum": ["freeze", "restart", "kill"] }, { "$ref": "#/$defs/variable" }] }
        }
      }
    },
    "match": {
      "description": "Which containers: every kind that is given must match; lists are alternatives.",
      "type": "object",
      "additionalProperties": false,
      "minProperties": 1,
      "properties": {
        "project": { "description": "Compose project (com.docker.compose.project).", "$ref": "#/$defs/globs" },
        "service": { "description": "Compose service (com.docker.compose.service).", "$ref": "#/$defs/globs" },
        "container": { "description": "Container name, without the leading slash.", "$ref": "#/$defs/globs" },
        "labels": {
          "description": "Label names, each with a glob for its value.",
          "type": "object",
          "minProperties": 1,
          "additionalProperties": { "type": ["string", "number", "boolean"] }
        }
      }
    },
    "memory": {
      "description": "Limits that are set on the container.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "hard": { "description": "memory.max, in bytes; absent: the limit that the container has.", "$ref": "#/$defs/bytes" },
        "swap": { "description": "Swap beside the hard limit; percentages are of the hard limit.", "$ref": "#/$defs/size" },
        "tripwire": {
          "description": "memory.high; percentages are of the hard limit.",
          "default": "90%",
          "$ref": "#/$defs/size"
        },
        "oom_score_adj": { "$ref": "#/$defs/oom_score" }
      }
    },
    "near_oom": {
      "description": "What to do before the hard limit is reached. Absent: the containers are watched, never acted upon.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "when": { "description": "When to act; default: unreclaimable: 90%.", "$ref": "#/$defs/condition" },
        "warn": { "$ref": "#/$defs/warn" },
        "do": {
          "description": "What to do.",
          "default": "graceful_restart",
          "anyOf": [{ "enum": ["auto", "recycle", "graceful_restart", "hold", "kill", "notify"] }, { "$ref": "#/$defs/variable" }]
        },
        "brake": { "$ref": "#/$defs/brake" },
        "drain": { "$ref": "#/$defs/drain" },
        "recycle": { "$ref": "#/$defs/recycle" },
        "loan": {
          "description": "How much its hard limit is raised while another replica of its service restarts; percentages are of the hard limit.",
          "$ref": "#/$defs/size"
        },
        "drain_hook": { "$ref": "#/$defs/drain_hook" }
      }
    },
)json";

constexpr const char* kSchemaConditions = R"json(    "condition": {
      "description": "One term, or several below any or all.",
      "type": "object",
      "additionalProperties": false,
      "minProperties": 1,
      "maxProperties": 1,
      "properties": {
        "any": { "description": "One of these is enough.", "$ref": "#/$defs/terms" },
        "all": { "description": "All of these at once.", "$ref": "#/$defs/terms" },
        "unreclaimable": { "$ref": "#/$defs/term/properties/unreclaimable" },
        "current": { "$ref": "#/$defs/term/properties/current" },
        "eta": { "$ref": "#/$defs/term/properties/eta" },
        "pressure": { "$ref": "#/$defs/pressure" }
      }
    },
    "terms": { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/term" } },
    "term": {
      "description": "One comparison.",
      "type": "object",
      "additionalProperties": false,
      "minProperties": 1,
      "maxProperties": 1,
      "properties": {
        "unreclaimable": {
          "description": "At least this much memory that reclaim cannot give back; percentages are of the hard limit.",
          "$ref": "#/$defs/size"
        },
        "current": {
          "description": "At least this much memory in all, page cache included; percentages are of the hard limit.",
          "$ref": "#/$defs/size"
        },
        "eta": { "description": "At this growth the limit is reached in this time or less.", "$ref": "#/$defs/duration" },
        "pressure": { "$ref": "#/$defs/pressure" }
      }
    },
    "pressure": {
      "description": "The container's memory pressure (PSI) is at least this.",
      "type": "object",
      "additionalProperties": false,
      "oneOf": [{ "required": ["some"] }, { "required": ["full"] }],
      "properties": {
        "some": { "description": "Share of time in which at least one task waited.", "$ref": "#/$defs/share" },
        "full": { "description": "Share of time in which every task waited.", "$ref": "#/$defs/share" },
        "over": { "description": "The kernel's avg10: only 10s.", "default": "10s", "$ref": "#/$defs/duration" }
      }
    },
    "warn": {
      "description": "A softer step before: ask the application to shed its caches. One of http, signal and exec.",
      "type": "object",
      "additionalProperties": false,
      "required": ["when"],
      "oneOf": [{ "required": ["http"] }, { "required": ["signal"] }, { "required": ["exec"] }],
      "properties": {
        "when": { "$ref": "#/$defs/condition" },
        "http": { "description": "POST to this http:// URL.", "type": "string", "pattern": "^http://|\\$\\{" },
        "signal": { "description": "Signal to the container: SIGUSR1, USR1 or 10.", "type": ["string", "integer"] },
        "exec": {
          "description": "Command to run in the container, as a list.",
          "type": "array",
          "minItems": 1,
          "items": { "type": ["string", "number"] }
        },
        "timeout": { "description": "How long the call may take (http, exec).", "default": "1s", "$ref": "#/$defs/duration" },
        "every": { "description": "Not again sooner than this.", "default": "1m", "$ref": "#/$defs/duration" }
      }
    },
    "brake": {
      "description": "How long the container may stand still.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "docker_timeout": {
          "description": "Docker must have delivered the stop signal by then, or governor does. At most 1m.",
          "default": "2s",
          "$ref": "#/$defs/duration"
        },
        "hold_timeout": {
          "description": "Child processes wait this long for their SIGTERM, then they run. At most 1m.",
          "default": "1s",
          "$ref": "#/$defs/duration"
        }
      }
    },
    "drain": {
      "description": "The time between the stop signal and the exit.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "grace": {
          "description": "from_container (the service's stop_grace_period) or a duration.",
          "default": "from_container",
          "anyOf": [{ "const": "from_container" }, { "$ref": "#/$defs/duration" }]
        },
        "on_timeout": {
          "description": "When it does not exit in time.",
          "default": "kill",
          "anyOf": [{ "const": "kill" }, { "$ref": "#/$defs/variable" }]
        }
      }
    },
)json";

constexpr const char* kSchemaTail = R"json(    "restart": {
      "description": "How restarts are spaced, and when they end.",
      "type": "object",
      "additionalProperties": false,
      "properties": { "backoff": { "$ref": "#/$defs/backoff" }, "breaker": { "$ref": "#/$defs/breaker" } }
    },
    "restart_with": {
      "description": "Containers that are restarted after a restart of this one.",
      "type": "object",
      "additionalProperties": false,
      "minProperties": 1,
      "properties": {
        "services": { "description": "Globs on Compose services of the same project.", "$ref": "#/$defs/globs" },
        "joined_namespaces": {
          "description": "Those that share a namespace of it (network_mode, pid and ipc with service: or container:).",
          "default": false,
          "anyOf": [{ "type": "boolean" }, { "enum": ["true", "false"] }, { "$ref": "#/$defs/variable" }]
        }
      }
    },
    "backoff": {
      "description": "The distance between two restarts doubles each time.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "from": { "description": "The first distance.", "default": "1s", "$ref": "#/$defs/duration" },
        "to": { "description": "It grows no further than this.", "default": "5m", "$ref": "#/$defs/duration" },
        "reset_after": {
          "description": "A run of this length starts again at 'from'.",
          "default": "10m",
          "$ref": "#/$defs/duration"
        }
      }
    },
    "breaker": {
      "description": "Ends a restart storm.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "restarts": {
          "description": "After this many restarts within 'within' the breaker opens.",
          "default": 5,
          "anyOf": [{ "type": "integer", "minimum": 1, "maximum": 128 }, { "$ref": "#/$defs/variable" }]
        },
        "within": { "description": "The window.", "default": "10m", "$ref": "#/$defs/duration" },
        "then": {
          "description": "Alive, capped, reported, not restarted again.",
          "default": "quarantine",
          "anyOf": [{ "const": "quarantine" }, { "$ref": "#/$defs/variable" }]
        },
        "cap": {
          "description": "memory.high in quarantine; percentages are of the hard limit.",
          "default": "90%",
          "$ref": "#/$defs/size"
        }
      }
    },
    "host": {
      "description": "When the host as a whole runs short. Once in all files together.",
      "type": "object",
      "additionalProperties": false,
      "minProperties": 1,
      "properties": {
        "keep_free": {
          "description": "For the OS and dockerd: with no more than this available the host runs short; percentages are of its memory.",
          "$ref": "#/$defs/size"
        },
        "pressure": { "$ref": "#/$defs/host_pressure" }
      }
    },
    "host_pressure": {
      "description": "Stall of the whole host's tasks (PSI) that counts as running short, while memory is short.",
      "type": "object",
      "additionalProperties": false,
      "oneOf": [{ "required": ["some"] }, { "required": ["full"] }],
      "properties": {
        "some": { "description": "Share of the window in which at least one task waited.", "$ref": "#/$defs/share" },
        "full": { "description": "Share of the window in which every task waited.", "$ref": "#/$defs/share" },
        "over": { "description": "The window, from 500ms to 10s.", "default": "2s", "$ref": "#/$defs/duration" }
      }
    },
    "reserve": {
      "description": "Set aside for each of these containers; percentages are of the host's memory.",
      "type": "object",
      "additionalProperties": false,
      "minProperties": 1,
      "properties": {
        "min": { "description": "memory.min: never reclaimed.", "$ref": "#/$defs/size" },
        "low": { "description": "memory.low: reclaimed only when nothing else is left. Not below min.", "$ref": "#/$defs/size" },
        "oom_score_adj": { "$ref": "#/$defs/oom_score" },
        "swap": { "description": "memory.swap.max; 0: never swapped out.", "$ref": "#/$defs/size" }
      }
    },
    "oom_score": {
      "description": "oom_score_adj of every process: -1000 (never killed when the host is out of memory) to 1000 (first).",
      "anyOf": [{ "type": "integer", "minimum": -1000, "maximum": 1000 }, { "$ref": "#/$defs/variable" }]
    },
    "variable": { "description": "With an environment variable.", "type": "string", "pattern": "\\$\\{" },
    "globs": {
      "anyOf": [
        { "$ref": "#/$defs/glob" },
        { "type": "array", "minItems": 1, "items": { "$ref": "#/$defs/glob" } }
      ]
    },
    "glob": { "description": "May have *, ?, [a-z] and [!a-z].", "type": ["string", "number"], "minLength": 1 },
    "bytes": {
      "description": "2GiB, 2g, 512MiB, 1.5GiB or plain bytes. All units count in 1024s, as in Compose.",
      "anyOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": "^[0-9]+(\\.[0-9]{1,3})? ?([kKmMgGtTpP]([iI]?[bB])?|[bB])?$" },
        { "$ref": "#/$defs/variable" }
      ]
    },
    "share": {
      "description": "90% or 87.5%.",
      "anyOf": [{ "type": "string", "pattern": "^[0-9]+(\\.[0-9]0*)?%$" }, { "$ref": "#/$defs/variable" }]
    },
    "size": { "anyOf": [{ "$ref": "#/$defs/bytes" }, { "$ref": "#/$defs/share" }] },
    "duration": {
      "description": "250ms, 10s, 5m, 6h, 1d or 1h30m.",
      "anyOf": [
        { "type": "string", "pattern": "^([0-9]+(\\.[0-9]{1,3})?([dD]|[hH]|[mM][sS]|[mM]|[sS]))+$" },
        { "$ref": "#/$defs/variable" }
      ]
    }
  }
}
)json";

}  // namespace

std::string json_schema() {
    return std::string(kSchemaHead) + kSchemaConditions + kSchemaRecycle + kSchemaDrainHook + kSchemaHooks +
           kSchemaTail;
}

}  // namespace policies
