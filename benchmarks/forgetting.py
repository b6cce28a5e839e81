"""A gateway before a log that forgets: `python -m benchmarks.forgetting PORT`, until it is ended."""

import asyncio
import sys
from collections.abc import Sequence

from pipeline import logs
from pipeline.edge.gateway import create_gateway
from pipeline.edge.serving import listen, serve
from pipeline.log.entry import Draft
from pipeline.settings import Settings


class Forgetting:
    """A `Broadcaster` that costs nothing."""

    async def append(self, drafts: Sequence[Draft]) -> None:
        """Forget them."""

    async def partitions(self, topic: str) -> int:
        """One."""
        return 1

    async def check(self) -> None:
        """It always answers."""

    async def close(self) -> None:
        """There is nothing to let go."""


if __name__ == "__main__":
    logs.configure("info")
    gateway = create_gateway(Forgetting(), Settings(), requires_token=False)
    asyncio.run(serve(gateway, listen("127.0.0.1", int(sys.argv[1]))))
