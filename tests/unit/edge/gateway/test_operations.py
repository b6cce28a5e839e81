"""What operators and probes see."""

import pytest
from structlog.testing import capture_logs

from tests.memory_log import MemoryLog
from tests.unit.edge.gateway.scene import GOOD, gateway, raw

pytestmark = pytest.mark.anyio


async def test_alive_says_nothing_about_the_log_but_ready_does() -> None:
    log = MemoryLog()
    log.is_away = True
    async with gateway(log) as client:
        alive = await client.get("/healthz")
        with capture_logs() as lines:
            ready = await client.get("/readyz")
    assert (alive.status_code, ready.status_code) == (200, 503)
    assert "retry-after" in ready.headers
    # The path is open to everyone, so where the broker is stands in our log only.
    assert "broker.internal" not in ready.text
    assert "broker.internal" in str(lines)


async def test_probes_cannot_hammer_the_log() -> None:
    log = MemoryLog()
    async with gateway(log) as client:
        statuses = [(await client.get("/readyz")).status_code for _ in range(20)]
    assert (set(statuses), log.checks) == ({200}, 1)


async def test_log_that_hangs_is_not_ready() -> None:
    log = MemoryLog()
    log.is_stuck = True
    async with gateway(log, append_timeout_s=0.01) as client:
        assert (await client.get("/readyz")).status_code == 503


async def test_metrics_have_no_label_that_a_client_chooses() -> None:
    async with gateway(MemoryLog()) as client:
        await client.post("/v1/events", content=raw(GOOD["/v1/events"]))
        await client.post("/v1/made-up-by-the-client", content=b"{}")
        scrape = await client.get("/metrics")
    assert scrape.headers["content-type"].startswith("text/plain; version=")
    assert 'pagesieve_gateway_requests_total{endpoint="/v1/events",status="200"}' in scrape.text
    assert 'pagesieve_gateway_requests_total{endpoint="other",status="404"}' in scrape.text
    assert "made-up" not in scrape.text


async def test_wrong_path_or_method_is_a_problem_that_says_where_to_post() -> None:
    async with gateway(MemoryLog()) as client:
        lost = await client.post("/api/v1/alerts", content=b"[]")
        wrong = await client.get("/v1/events")
    assert (lost.status_code, wrong.status_code) == (404, 405)
    assert "/v1/alertmanager" in lost.json()["detail"]
    assert wrong.headers["allow"] == "POST"
    assert {lost.headers["content-type"], wrong.headers["content-type"]} == {"application/problem+json"}


async def test_every_request_leaves_one_line_without_its_body() -> None:
    async with gateway(MemoryLog()) as client:
        with capture_logs() as lines:
            await client.post("/v1/events?key=s3cret", content=raw({"name": "s3cret"}))
            await client.post("/v1/events", content=raw({"name": ["s3cret"]}))
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["log_level"], line["path"], line["status"]) for line in requests] == [
        ("debug", "/v1/events", "200"),
        ("debug", "/v1/events", "400"),
    ]
    (rejected,) = [line for line in lines if line["event"] == "rejected"]
    assert (rejected["log_level"], rejected["where"], rejected["kept"]) == ("warning", "name", 0)
    assert "s3cret" not in str(lines)


async def test_openapi_says_what_each_path_takes_and_answers() -> None:
    async with gateway(MemoryLog(), requires_token=True, tokens="t") as client:
        document = (await client.get("/openapi.json", headers={"Authorization": "Bearer t"})).json()
    told = {"/v1/changes", "/v1/outcomes", "/v1/pagerduty/webhook"}
    assert set(document["paths"]) == {*GOOD, *told, "/healthz", "/readyz", "/metrics"}
    for path in GOOD:
        post = document["paths"][path]["post"]
        assert post["summary"]
        assert post["requestBody"]["content"]["application/json"]["schema"]
        assert post["security"] == [{"bearer": []}, {"basic": []}]
        assert {"200", "400", "401", "403", "413", "415", "500", "503"} == set(post["responses"])
        problem = post["responses"]["400"]["content"]["application/problem+json"]["schema"]
        assert problem == {"$ref": "#/components/schemas/Problem"}
    assert "field" in document["components"]["schemas"]["Problem"]["properties"]
    assert document["paths"]["/healthz"]["get"]["security"] == []
    assert document["paths"]["/v1/pagerduty/webhook"]["post"]["security"] == []  # its signature opens it
    assert document["paths"]["/v1/outcomes"]["post"]["security"] == [{"bearer": []}, {"basic": []}]


async def test_no_page_loads_from_a_foreign_host() -> None:
    async with gateway(MemoryLog()) as client:
        assert [(await client.get(path)).status_code for path in ("/docs", "/redoc")] == [404, 404]
