"""What kafka-python does on the threads of several clients at once is safe."""

import pytest
from kafka.protocol.api_header import ResponseClassRegistry
from kafka.protocol.api_message import ApiMessage

import pipeline.log.kafka_client  # noqa: F401  # what it does when it is imported is what is tested


def test_no_client_registers_a_response_that_another_may_be_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[object] = []
    monkeypatch.setattr(ResponseClassRegistry, "register_response_class", registered.append)
    responses = [message for message in ApiMessage.__subclasses__() if not message.is_request()]
    for response in responses:
        for version in range(response.min_version, response.max_version + 1):
            response[version]
    assert len(responses) > 50
    assert registered == []
