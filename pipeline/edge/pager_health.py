"""A pager is ready while it can deliver: the log answers and no page waits for an operator."""

from dataclasses import dataclass, field

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.edge.readiness import Readiness
from pipeline.log.entry import Writer

ANSWER_S = 5.0


@dataclass
class PagerHealth:
    """What the pager knows about itself."""

    is_loaded: bool = False
    log_trouble: str = ""
    stuck: dict[str, str] = field(default_factory=dict)  # incident → why only an operator can help

    def problems(self) -> list[str]:
        """Why it is not ready, one sentence each; empty when it is."""
        problems = []
        if not self.is_loaded:
            problems.append("what was delivered has not been read yet")
        if self.log_trouble:
            problems.append(_silent(self.log_trouble))
        if self.stuck:
            reasons = ", ".join(sorted(set(self.stuck.values())))
            problems.append(f"{len(self.stuck)} incidents wait for an operator: {reasons}")
        return problems


def health_app(health: PagerHealth, log: Writer) -> FastAPI:
    """`/healthz`, `/readyz` and `/metrics` of one pager, which writes to `log`."""
    readiness = Readiness(log, ANSWER_S)
    app = FastAPI(title="pagesieve pager", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        problems = health.problems()
        # The reader cannot tell: to a consumer a broker that is away looks like one that has nothing new.
        if not health.log_trouble and (trouble := await readiness.trouble()) is not None:
            problems.append(_silent(trouble))
        return JSONResponse({"ready": not problems, "problems": problems}, status_code=503 if problems else 200)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


def _silent(trouble: str) -> str:
    return f"the log does not answer: {trouble}"
