"""Every metric that pagesieve counts, by part; a name, once published, keeps its meaning.

All stand in prometheus_client's own registry, beside the process's CPU, memory and open files. Labels have few values
that we choose ourselves: nothing that a client sends becomes a label.
"""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

GATEWAY_REQUESTS = Counter(
    "pagesieve_gateway_requests_total",
    "Requests answered; status is `disconnected` where the client left before the answer.",
    ["endpoint", "status"],
)
GATEWAY_REQUEST_SECONDS = Histogram(
    "pagesieve_gateway_request_seconds",
    "From a request's headers to the end of its answer.",
    ["endpoint"],
    buckets=_SECONDS,
)
GATEWAY_ALERTS = Counter(
    "pagesieve_gateway_alerts_total", "Alerts taken: durable in alerts.raw before the answer.", ["source"]
)
GATEWAY_REJECTED = Counter(
    "pagesieve_gateway_rejected_total",
    "Items that are no alert; a body of which nothing is usable counts as one.",
    ["source"],
)
GATEWAY_CHANGES = Counter("pagesieve_gateway_changes_total", "Changes that are durable in the log.")
GATEWAY_OUTCOMES = Counter(
    "pagesieve_gateway_outcomes_total", "What people did or said that is durable in the log.", ["via", "verdict"]
)
GATEWAY_WEBHOOKS = Counter(
    "pagesieve_gateway_webhooks_total",
    "PagerDuty's webhooks: recorded, ignored (nothing to us), pong, rejected (too old, not readable), or unsigned.",
    ["result"],
)
GATEWAY_TRUNCATED = Counter(
    "pagesieve_gateway_truncated_alerts_total",
    "Alerts that the source says it left out (Alertmanager's max_alerts): we never saw them.",
    ["source"],
)
GATEWAY_UNAVAILABLE = Counter(
    "pagesieve_gateway_unavailable_total",
    "Requests answered 503: the log did not answer, too much in flight, or a body that came too slowly.",
    ["reason"],
)
GATEWAY_APPEND_SECONDS = Histogram(
    "pagesieve_gateway_append_seconds", "How long the log took to make a body durable, or to fail.", buckets=_SECONDS
)
GATEWAY_IN_FLIGHT = Gauge("pagesieve_gateway_in_flight_requests", "Bodies being read or written now.")
GATEWAY_IN_FLIGHT_BYTES = Gauge("pagesieve_gateway_in_flight_bytes", "Bytes of bodies held in memory now.")
GATEWAY_READY = Gauge("pagesieve_gateway_ready", "1 if the log answered at the last readiness check, else 0.")

PAGER_DELIVERED = Counter("pagesieve_pager_pages_delivered_total", "Pages that the sink accepted.", ["action"])
PAGER_SKIPPED = Counter(
    "pagesieve_pager_pages_skipped_total", "Pages read again whose revision, or a later one, was delivered before."
)
PAGER_RETRIES = Counter(
    "pagesieve_pager_retries_total",
    "Attempts after which a page waits for another one; status is an HTTP status, timeout, network, no_key or fault.",
    ["status"],
)
PAGER_REJECTED = Counter(
    "pagesieve_pager_pages_rejected_total",
    "Pages moved to alerts.rejected: not_a_page, or the status with which the sink refused them.",
    ["status"],
)
PAGER_LOG_RETRIES = Counter("pagesieve_pager_log_retries_total", "Calls of the log that failed and were repeated.")
PAGER_PAGES = Gauge("pagesieve_pager_pages_in_hand", "Pages read and not yet delivered.")
PAGER_OLDEST_SECONDS = Gauge(
    "pagesieve_pager_oldest_undelivered_age_seconds", "Age of the oldest page in hand; 0 if there is none."
)
PAGER_STUCK = Gauge(
    "pagesieve_pager_stuck_pages",
    "Pages that wait for an operator: no routing key, or the address answers 401, 403, 404.",
)
PAGER_REBALANCES = Counter("pagesieve_pager_generations_total", "Times the pager took its partitions anew.")

NORMALISED = Counter("pagesieve_normalise_records_total", "Records of alerts.raw that were read and normalised.")
NORMALISE_TRUNCATED = Counter(
    "pagesieve_normalise_truncated_alerts_total",
    "Alerts that a source says it left out (Alertmanager's max_alerts), by the records that reached the worker.",
)
REJECTED = Counter(
    "pagesieve_rejected_total", "Items written to alerts.rejected by the worker; topic is where they stood.", ["topic"]
)
FAULTS = Counter(
    "pagesieve_faults_total", "Failures of our own, each of which was written down and paged or rejected.", ["part"]
)
TRIAGE_DECISIONS = Counter("pagesieve_triage_decisions_total", "Decisions: one for every alert event.", ["reason"])
TRIAGE_HOTTEST_SCOPE = Gauge(
    "pagesieve_triage_hottest_scope_share",
    "Which part of a partition's recent events are of its busiest scope, from 0 to 1.",
    ["partition"],
)
TRIAGE_PAGES = Counter("pagesieve_triage_pages_total", "Pages written to the paging topic.", ["kind"])
SCORES = Histogram(
    "pagesieve_triage_score",
    "Actionability of each alert that began to fire; its sum over its count is the mean.",
    buckets=(0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 1),
)
BEGINNINGS = Counter(
    "pagesieve_triage_beginnings_total",
    "Alerts that began to fire; template is new where its kind never did before (as far as is remembered), else known.",
    ["template"],
)
GUARDED = Counter(
    "pagesieve_triage_guarded_total",
    "Alerts whose low score did not keep them quiet, by what stood above it (shadow: it is only written down).",
    ["guard"],
)
MODEL_DRIFT = Gauge(
    "pagesieve_model_drift",
    "Population stability index of recent beginnings (the last 5,000 count most) against those that the model in use"
    " was taught with, of the score and of each feature: below 0.1 nothing, above 0.25 look, or train again;"
    " NaN for fewer than 200.",
    ["of", "partition"],
)
MODEL_TRAINED = Gauge(
    "pagesieve_model_trained_timestamp_seconds",
    "The newest that the model of what people said knows of; absent where there is none. Older than `model_age`, it"
    " keeps nothing quiet.",
    ["model"],
)
TRIAGE_STEP_SECONDS = Histogram(
    "pagesieve_triage_step_seconds",
    "How long one record of alerts took to be decided; observed once a batch, as its mean.",
    buckets=_SECONDS,
)
TRIAGE_TICKS = Counter("pagesieve_triage_ticks_total", "Ticks written into alerts.")
TRIAGE_WATERMARK = Gauge(
    "pagesieve_triage_watermark_timestamp_seconds", "The newest event time that a partition has seen.", ["partition"]
)
SNAPSHOTS = Counter("pagesieve_snapshots_total", "Snapshots of triage's state that were written and are durable.")
SNAPSHOTS_FAILED = Counter(
    "pagesieve_snapshots_failed_total", "Snapshots that could not be written; a restart reads more of the log instead."
)
SNAPSHOTS_UNUSABLE = Counter(
    "pagesieve_snapshots_unusable_total",
    "Snapshots found damaged, incomplete or of another version when a partition was taken; the one before was tried.",
)
SNAPSHOT_BYTES = Gauge("pagesieve_snapshot_bytes", "Size of a partition's last snapshot, unpacked.", ["partition"])
SNAPSHOT_SECONDS = Histogram(
    "pagesieve_snapshot_blocking_seconds",
    "How long triage stood still while its state was taken; packing and sending go on beside it.",
    buckets=_SECONDS,
)
SNAPSHOT_AT = Gauge(
    "pagesieve_snapshot_timestamp_seconds", "When a partition's last snapshot was taken.", ["partition"]
)
TIME_BEHIND = Gauge(
    "pagesieve_time_behind_seconds",
    "How far behind the clock the time is up to which everything is normalised; leases and holds wait with it.",
)
WORKER_LAG = Gauge(
    "pagesieve_worker_lag_records", "Records that the group has not finished, of the partitions held here.", ["topic"]
)
WORKER_PARTITION_LAG = Gauge(
    "pagesieve_worker_partition_lag_records",
    "Records that the group has not finished, of each partition held here.",
    ["topic", "partition"],
)
WORKER_CPU = Counter(
    "pagesieve_worker_cpu_seconds_total",
    "CPU of our own code by stage: normalise, triage, write; the rest of the process is Faust and aiokafka.",
    ["stage"],
)
WORKER_READY = Gauge("pagesieve_worker_ready", "1 if it holds its partitions, has their state and is not behind.")
