"""What stands on `alerts.raw` becomes alerts or is rejected with a reason; nothing vanishes, nothing stops it."""

from collections.abc import Sequence

import structlog

from pipeline import metrics
from pipeline.errors import Rejected
from pipeline.log import Draft, Entry
from pipeline.normalise.normaliser import Normaliser
from pipeline.stream.drafts import alerts_draft, rejected_draft, rejection
from pipeline.stream.remembered import Remembered
from schemas.topics import RAW

logger = structlog.get_logger("pagesieve.normalise")


def normalised_drafts(
    entries: Sequence[Entry], normaliser: Normaliser, remembered: Remembered | None = None
) -> list[Draft]:
    """All that is to be written for records of `alerts.raw`, in order. Never raises.

    What becomes alerts is kept in `remembered`, for a triage in the same process.
    """
    drafts: list[Draft] = []
    for entry in entries:
        drafts += _drafts(entry, normaliser, remembered)
    metrics.NORMALISED.inc(len(entries))
    return drafts


def _drafts(entry: Entry, normaliser: Normaliser, remembered: Remembered | None) -> list[Draft]:
    try:
        found = normaliser.normalise(entry)
        drafts = [rejected_draft(record) for record in found.rejected]
        rejected = sum([record.items for record in found.rejected])
        if found.truncated:
            metrics.NORMALISE_TRUNCATED.inc(found.truncated)
        for record in found.records:
            try:
                draft = alerts_draft(record)
            except Rejected as exc:
                items = len(record.alerts)
                drafts.append(rejected_draft(rejection(entry, exc).model_copy(update={"items": items})))
                rejected += items
            else:
                drafts.append(draft)
                if remembered is not None:
                    remembered.keep(draft.value, record)
    except Exception as exc:
        # A fault of ours must neither lose the body nor stop the partition for everything that stands behind it.
        logger.exception("fault: normalise failed", partition=entry.partition, offset=entry.offset)
        metrics.FAULTS.labels("normalise").inc()
        drafts = [rejected_draft(rejection(entry, Rejected(f"a fault of pagesieve: {type(exc).__name__}")))]
        rejected = 1
    if rejected:
        metrics.REJECTED.labels(RAW.name).inc(rejected)
        logger.warning("rejected", topic=RAW.name, partition=entry.partition, offset=entry.offset, items=rejected)
    return drafts
