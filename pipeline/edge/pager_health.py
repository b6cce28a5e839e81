"""A pager is ready while it can deliver: the log answers and no page waits for an operator."""

from dataclasses import dataclass, field

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest


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
            problems.append(f"the log does not answer: {self.log_trouble}")
        if self.stuck:
            reasons = ", ".join(sorted(set(self.stuck.values())))
            problems.append(f"{len(self.stuck)} incidents wait for an operator: {reasons}")
        return problems


def health_app(health: PagerHealth) -> FastAPI:
    """`/healthz`, `/readyz` and `/metrics` of one pager."""
    app = FastAPI(title="pagesieve pager", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        problems = health.problems()
        return JSONResponse({"ready": not problems, "problems": problems}, status_code=503 if problems else 200)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app
