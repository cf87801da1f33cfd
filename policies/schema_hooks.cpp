// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#include "policies/schema.hpp"

namespace policies {

const char* const kSchemaHooks = R"json(    "hook": {
      "description": "Whom to tell of which events. One of webhook and exec.",
      "type": "object",
      "additionalProperties": false,
      "required": ["on"],
      "oneOf": [{ "required": ["webhook"] }, { "required": ["exec"] }],
      "properties": {
        "on": { "description": "Event types, or patterns: oom_verdict, oom_*, *.", "$ref": "#/$defs/globs" },
        "name": {
          "description": "For metrics, logs and governor events; default: webhook-N or exec-N, the N-th of all hooks.",
          "anyOf": [
            { "type": ["string", "number"], "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$" },
            { "$ref": "#/$defs/variable" }
          ]
        },
        "service": { "description": "Only events of these services; absent: all events.", "$ref": "#/$defs/globs" },
        "webhook": { "$ref": "#/$defs/webhook" },
        "exec": { "$ref": "#/$defs/exec_hook" },
        "retry": { "$ref": "#/$defs/retry" }
      }
    },
    "webhook": {
      "description": "POST each event to a URL.",
      "type": "object",
      "additionalProperties": false,
      "oneOf": [{ "required": ["url"] }, { "required": ["url_file"] }],
      "not": { "required": ["format", "template"] },
      "dependentRequired": { "content_type": ["template"], "resend": ["format"], "resolve_after": ["format"] },
      "properties": {
        "url": { "description": "http:// or https://.", "type": "string", "pattern": "^https?://|\\$\\{" },
        "url_file": { "description": "A file that has the URL.", "$ref": "#/$defs/path" },
        "format": {
          "description": "What the request's body looks like.",
          "default": "event",
          "anyOf": [
            { "enum": ["event", "alertmanager", "cloudevents", "slack", "docker"] },
            { "$ref": "#/$defs/variable" }
          ]
        },
        "template": {
          "description": "A body of one's own, instead of a format: {{ service }} is the event's service.",
          "type": "string",
          "minLength": 1
        },
        "content_type": {
          "description": "Of a template's request.",
          "default": "application/json",
          "type": "string",
          "pattern": "/|\\$\\{"
        },
        "headers": {
          "description": "Headers of one's own: Name: text, or Name: { file: PATH }.",
          "type": "object",
          "minProperties": 1,
          "propertyNames": { "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" },
          "additionalProperties": {
            "anyOf": [{ "type": ["string", "number", "boolean"] }, { "$ref": "#/$defs/header_value" }]
          }
        },
        "hmac": { "$ref": "#/$defs/hmac" },
        "ca_file": {
          "description": "Certificates (PEM) that the server's is checked with; absent: the system's.",
          "$ref": "#/$defs/path"
        },
        "timeout": {
          "description": "How long one attempt may take, from 100ms to 1m.",
          "default": "10s",
          "$ref": "#/$defs/duration"
        },
        "resend": {
          "description": "alertmanager: how often a firing alert is sent again, from 10s to 1h.",
          "default": "1m",
          "$ref": "#/$defs/duration"
        },
        "resolve_after": {
          "description": "alertmanager: so long after the recovery the alert is resolved.",
          "default": "5m",
          "$ref": "#/$defs/duration"
        }
      }
    },
    "header_value": {
      "description": "A header's value that stands in a file.",
      "type": "object",
      "additionalProperties": false,
      "required": ["file"],
      "properties": { "file": { "description": "The file.", "$ref": "#/$defs/path" } }
    },
    "hmac": {
      "description": "HMAC-SHA256 of the body, in a header as sha256=<hex>.",
      "type": "object",
      "additionalProperties": false,
      "oneOf": [{ "required": ["secret"] }, { "required": ["secret_file"] }],
      "properties": {
        "secret": { "description": "The key; best a variable.", "type": ["string", "number"], "minLength": 1 },
        "secret_file": { "description": "A file that has the key.", "$ref": "#/$defs/path" },
        "header": {
          "description": "The header's name.",
          "default": "X-Governor-Signature",
          "type": "string",
          "minLength": 1
        }
      }
    },
    "exec_hook": {
      "description": "Run a program for each event, without a shell.",
      "type": "object",
      "additionalProperties": false,
      "required": ["command"],
      "properties": {
        "command": {
          "description": "The program's absolute path, and its arguments.",
          "type": "array",
          "minItems": 1,
          "items": { "type": ["string", "number"] }
        },
        "timeout": { "description": "How long it may run, at most 10m.", "default": "10s", "$ref": "#/$defs/duration" }
      }
    },
    "retry": {
      "description": "What failed is tried again; the wait doubles.",
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "from": { "description": "The first wait.", "default": "1s", "$ref": "#/$defs/duration" },
        "to": { "description": "It grows no further than this. Not below 'from'.", "default": "5m", "$ref": "#/$defs/duration" },
        "give_up": {
          "description": "After so long an event is undelivered for good. Not below 'to'.",
          "default": "6h",
          "$ref": "#/$defs/duration"
        }
      }
    },
    "path": { "description": "An absolute path.", "type": "string", "pattern": "^/|\\$\\{" },
)json";

}  // namespace policies
