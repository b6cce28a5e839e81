"""The page: what burns, why, and what comes next; a copy of the log that people can look at, search and mark."""

from pipeline.edge.web.app import beside, create_web
from pipeline.edge.web.beyond import Beyond, Explained
from pipeline.edge.web.doors import Doors, check_web_exposure
from pipeline.edge.web.live import FOLLOWED, TAILS, Live
from pipeline.edge.web.silenced import Silences

__all__ = [
    "FOLLOWED",
    "TAILS",
    "Beyond",
    "Doors",
    "Explained",
    "Live",
    "Silences",
    "beside",
    "check_web_exposure",
    "create_web",
]
