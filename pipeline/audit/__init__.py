"""The audit: do the books balance? Pure over recorded entries; what reads them is handed in."""

from pipeline.audit.balance import Balance, Flaw, Offender, Place
from pipeline.audit.books import TOPICS_IN_ORDER, audit

__all__ = ["TOPICS_IN_ORDER", "Balance", "Flaw", "Offender", "Place", "audit"]
