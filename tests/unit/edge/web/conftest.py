"""Async tests run on asyncio, the only loop that the gateway has."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
