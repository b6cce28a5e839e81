"""The gateway takes alerts over HTTP and writes them to the log; nothing here decides about an alert."""

from pipeline.edge.following import follow
from pipeline.edge.gateway.alertmanager.api import AlertmanagerApi
from pipeline.edge.gateway.alertmanager.board import FOLLOWED, Board
from pipeline.edge.gateway.app import create_gateway
from pipeline.edge.gateway.auth import check_exposure

__all__ = [
    "FOLLOWED",
    "AlertmanagerApi",
    "Board",
    "check_exposure",
    "create_gateway",
    "follow",
]
