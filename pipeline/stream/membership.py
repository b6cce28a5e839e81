"""A worker with a name comes back to its partitions at once; one that is told to stop gives them up at once."""

import asyncio

import structlog
from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import KafkaError

logger = structlog.get_logger("pagesieve.worker")

ANSWER_MS = 5_000


async def leave(bootstrap: str, group: str, name: str) -> None:
    """Say that the member `name` of `group` will not come back, or say in the log why that was not possible.

    aiokafka does not say it for a member with a name, so that it may come back; its partitions would wait for the
    session time-out, 6 s, although nobody holds them (measured).
    """
    try:
        await asyncio.to_thread(_leave, bootstrap, group, name)
    except KafkaError as exc:
        logger.warning("the group does not know that this worker left; its partitions wait", why=repr(exc))


def _leave(bootstrap: str, group: str, name: str) -> None:
    with KafkaAdminClient(
        bootstrap_servers=bootstrap.split(","), client_id="pagesieve-leave", bootstrap_timeout_ms=ANSWER_MS
    ) as admin:
        answers = admin.remove_group_members(group, [MemberToRemove(group_instance_id=name)])
    for error in answers.values():
        if issubclass(error, KafkaError) and error.errno:
            raise error
