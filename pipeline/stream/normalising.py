"""What stands on `alerts.raw` becomes alerts or is rejected with a reason; nothing vanishes, nothing stops it."""

import structlog

from pipeline import metrics
from pipeline.errors import Rejected
from pipeline.log import Draft, Entry
from pipeline.normalise.normaliser import Normaliser
from pipeline.stream.drafts import alerts_draft, rejected_draft, rejection
from pipeline.stream.remembered import remember
from schemas.topics import RAW

logger = structlog.get_logger("pagesieve.normalise")


def normalised_drafts(entry: Entry, normaliser: Normaliser) -> list[Draft]:
    """All that is to be written for one record of `alerts.raw`. Never raises."""
    try:
        found = normaliser.normalise(entry)
        drafts = [rejected_draft(record) for record in found.rejected]
        rejected = sum(record.items for record in found.rejected)
        if found.truncated:
            metrics.NORMALISE_TRUNCATED.inc(found.truncated)
        for record in found.records:
            try:
                draft = alerts_draft(record)
                remember(draft.value, record)
                drafts.append(draft)
            except Rejected as exc:
                items = len(record.alerts)
                drafts.append(rejected_draft(rejection(entry, exc).model_copy(update={"items": items})))
                rejected += items
    except Exception as exc:
        # A fault of ours must neither lose the body nor stop the partition for everything that stands behind it.
        logger.exception("fault: normalise failed", partition=entry.partition, offset=entry.offset)
        metrics.FAULTS.labels("normalise").inc()
        drafts = [rejected_draft(rejection(entry, Rejected(f"a fault of pagesieve: {type(exc).__name__}")))]
        rejected = 1
    metrics.NORMALISED.inc()
    if rejected:
        metrics.REJECTED.labels(RAW.name).inc(rejected)
        logger.warning("rejected", topic=RAW.name, partition=entry.partition, offset=entry.offset, items=rejected)
    return drafts
