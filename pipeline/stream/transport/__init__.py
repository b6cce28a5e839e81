"""The batch transport of Faust: one event for what one fetch brought of one partition, and outputs sent in batches.

Behind Faust's own transport every record is an event, with two tasks, several futures and a queue of its own: about
75 µs, whatever the agent does. Here they are paid once a fetch. Faust finds it as `pagesieve://host:port`, by the entry
point `faust.transports` in pyproject.toml. It leans on the insides of faust-streaming and aiokafka, so both are pinned
exactly and tests/unit/stream/test_transport_contract.py names what a new release has moved.
"""

from faust.transport.drivers import aiokafka as driver

from pipeline.stream.transport.consumer import BatchConsumer
from pipeline.stream.transport.producer import IdempotentProducer

__all__ = ["SCHEME", "Transport"]

SCHEME = "pagesieve"


class Transport(driver.Transport):  # type: ignore[misc]  # faust is untyped here (pyproject.toml)
    """Faust's aiokafka transport with our consumer and our producer."""

    Consumer = BatchConsumer
    Producer = IdempotentProducer
