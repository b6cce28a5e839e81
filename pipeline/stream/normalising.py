"""What stands on `alerts.raw` becomes alerts or is rejected with a reason; nothing vanishes, nothing stops it."""

from collections.abc import Sequence
from itertools import repeat

import structlog

from pipeline import metrics
from pipeline.errors import Rejected
from pipeline.log import Draft, Entry
from pipeline.normalise import Normalised
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
    for entry, found in zip(entries, _found(entries, normaliser), strict=True):
        drafts += _drafts(entry, found, remembered)
    metrics.NORMALISED.inc(len(entries))
    return drafts


def _found(entries: Sequence[Entry], normaliser: Normaliser) -> Sequence[Normalised | Exception]:
    """What each holds, or the fault of ours that one of them met: it must not be the others' as well."""
    try:
        return normaliser.normalise_each(entries)
    except Exception:
        return [_alone(entry, normaliser) for entry in entries]


def _alone(entry: Entry, normaliser: Normaliser) -> Normalised | Exception:
    try:
        return normaliser.normalise(entry)
    except Exception as exc:
        return exc


def _drafts(entry: Entry, found: Normalised | Exception, remembered: Remembered | None) -> list[Draft]:
    drafts, rejected, failure = list[Draft](), 1, found
    if isinstance(failure, Normalised):
        try:
            drafts, rejected = _written(entry, failure, remembered)
        except Exception as exc:
            failure = exc
    if isinstance(failure, Exception):
        # A fault of ours must neither lose the body nor stop the partition for everything that stands behind it.
        logger.error("fault: normalise failed", partition=entry.partition, offset=entry.offset, exc_info=failure)
        metrics.FAULTS.labels("normalise").inc()
        drafts = [rejected_draft(rejection(entry, Rejected(f"a fault of pagesieve: {type(failure).__name__}")))]
    if rejected:
        metrics.REJECTED.labels(RAW.name).inc(rejected)
        logger.warning("rejected", topic=RAW.name, partition=entry.partition, offset=entry.offset, items=rejected)
    return drafts


def _written(entry: Entry, found: Normalised, remembered: Remembered | None) -> tuple[list[Draft], int]:
    """What is to be written, and how many items of it are rejected."""
    drafts = [rejected_draft(record) for record in found.rejected]
    rejected = sum([record.items for record in found.rejected])
    if found.truncated:
        metrics.NORMALISE_TRUNCATED.inc(found.truncated)
    for record, value in zip(found.records, found.values or repeat(None), strict=False):
        try:
            draft = alerts_draft(record, value)
        except Rejected as exc:
            items = len(record.alerts)
            drafts.append(rejected_draft(rejection(entry, exc).model_copy(update={"items": items})))
            rejected += items
        else:
            drafts.append(draft)
            if remembered is not None:
                remembered.keep(draft.value, record)
    return drafts, rejected
