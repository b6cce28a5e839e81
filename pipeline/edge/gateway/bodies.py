"""The JSON Schemas of the bodies that monitors send, for OpenAPI; `pipeline.sources` is what reads them."""

from typing import Any

_TEXTS: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "string"}}
_LABELS = {**_TEXTS, "description": "at least one that is not empty", "minProperties": 1}
_TIME = {"type": "string", "format": "date-time"}
_STATUS = {"type": "string", "enum": ["firing", "resolved"]}

ALERTMANAGER: dict[str, Any] = {
    "type": "object",
    "title": "Webhook",
    "required": ["alerts"],
    "description": "Unknown keys are ignored. The top-level status is never used: only an alert's own counts.",
    "properties": {
        "version": {"type": "string", "examples": ["4"]},
        "truncatedAlerts": {"type": "integer", "minimum": 0, "description": "left out because of max_alerts"},
        "alerts": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["status", "labels"],
                "properties": {
                    "status": _STATUS,
                    "labels": _LABELS,
                    "annotations": _TEXTS,
                    "startsAt": _TIME,
                    "endsAt": {**_TIME, "description": "counts only when resolved"},
                    "generatorURL": {"type": "string"},
                    "fingerprint": {"type": "string"},
                },
            },
        },
    },
    "examples": [
        {
            "version": "4",
            "alerts": [
                {
                    "status": "firing",
                    "labels": {"alertname": "NodeDown", "cluster": "c1", "severity": "critical"},
                    "annotations": {"summary": "node-7 does not answer"},
                    "startsAt": "2026-11-23T07:06:06.120Z",
                    "endsAt": "0001-01-01T00:00:00Z",
                }
            ],
        }
    ],
}
PROMETHEUS: dict[str, Any] = {
    "type": "array",
    "title": "PostableAlerts",
    "items": {
        "type": "object",
        "required": ["labels"],
        "properties": {
            "labels": _LABELS,
            "annotations": _TEXTS,
            "startsAt": _TIME,
            "endsAt": {**_TIME, "description": "in the future: a lease; else the alert has resolved"},
            "generatorURL": {"type": "string"},
        },
    },
    "examples": [[{"labels": {"alertname": "NodeDown"}, "startsAt": "2026-11-23T07:06:06.120Z"}]],
}
EVENT: dict[str, Any] = {
    "type": "object",
    "title": "Event",
    "required": ["name"],
    "properties": {
        "source": {"type": "string", "description": "the monitor; canonical if absent"},
        "name": {"type": "string", "minLength": 1, "description": "what kind of problem"},
        "labels": _TEXTS,
        "annotations": _TEXTS,
        "severity": {"type": "string", "examples": ["critical", "error", "warning", "info"]},
        "status": {**_STATUS, "default": "firing"},
        "starts_at": _TIME,
        "ends_at": {**_TIME, "description": "counts only when resolved"},
        "url": {"type": "string"},
    },
    "examples": [{"name": "disk full", "labels": {"host": "db-1"}, "severity": "critical"}],
}
_WORD: dict[str, Any] = {"type": "string", "maxLength": 200}
CHANGE: dict[str, Any] = {
    "type": "object",
    "title": "Change",
    "required": ["summary"],
    "description": "Says what it was made to by `service` or `labels`, in the words of your alerts' labels.",
    "properties": {
        "summary": {"type": "string", "minLength": 1, "description": "in one line"},
        "at": {**_TIME, "description": "when it was made; now if absent"},
        "kind": {**_WORD, "examples": ["deploy", "flag", "config"]},
        "source": {**_WORD, "description": "who or what made it"},
        "service": _WORD,
        "labels": {**_TEXTS, "maxProperties": 16},
        "link": {"type": "string"},
    },
    "examples": [{"summary": "Deploy cart 1.2.3", "service": "cart", "labels": {"cluster": "eu-1"}, "kind": "deploy"}],
}
CHANGE_EVENT: dict[str, Any] = {
    "type": "object",
    "title": "PagerDutyChangeEvent",
    "required": ["payload"],
    "properties": {
        "routing_key": {"type": "string", "description": "not looked at, and not kept"},
        "payload": {
            "type": "object",
            "required": ["summary"],
            "properties": {
                "summary": {"type": "string", "minLength": 1},
                "timestamp": _TIME,
                "source": {**_WORD, "description": "what it was made to, where custom_details do not say"},
                "custom_details": {"type": "object", "description": "words in it count as labels"},
            },
        },
        "links": {"type": "array", "items": {"type": "object", "properties": {"href": {"type": "string"}}}},
    },
}
