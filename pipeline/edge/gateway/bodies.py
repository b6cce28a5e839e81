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
