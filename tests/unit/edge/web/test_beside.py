"""In `up` the page and the gateway have one address: each answers what is its own, under its own rules."""

import httpx
import pytest

from pipeline.edge.gateway import create_gateway
from pipeline.edge.web import beside
from pipeline.settings import Settings
from tests.unit.edge.gateway.scene import GOOD
from tests.unit.edge.web.scene import HERE, site

pytestmark = pytest.mark.anyio


async def test_the_page_has_its_folder_and_all_else_is_the_gateways() -> None:
    async with site() as (made, _):
        both = beside(create_gateway(made.log, Settings(), requires_token=False), made.app)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=both), base_url=HERE) as client:
            home = await client.get("/")
            page = await client.get("/ui/")
            event = await client.post("/v1/events", json=GOOD["/v1/events"])
            beyond = await client.get("/uix")
            contract = await client.get("/openapi.json")
            elsewhere = await client.get("/v1/events", headers={"Host": "monitor.example"})
    assert (home.status_code, home.headers["location"], page.status_code) == (303, "/ui/", 200)
    assert (event.status_code, event.json()["accepted"]) == (200, 1)
    assert beyond.json()["title"] == "There is nothing here"
    assert "/ui/" not in contract.json()["paths"]
    assert elsewhere.status_code == 405  # the gateway's own rules hold there, not the page's


async def test_with_tokens_each_asks_in_its_own_way() -> None:
    async with site(tokens="secret") as (made, _):
        both = beside(create_gateway(made.log, Settings(tokens="secret"), requires_token=True), made.app)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=both), base_url=HERE) as client:
            page, metrics = await client.get("/ui/"), await client.get("/metrics")
            with_bearer = await client.get("/ui/", headers={"Authorization": "Bearer secret"})
    assert (page.status_code, metrics.status_code, with_bearer.status_code) == (303, 401, 303)
