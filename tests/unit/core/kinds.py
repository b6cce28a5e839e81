"""Alerts as the tests of single parts need them: a name and labels, and nothing that matters else."""

from schemas import Alert, Status


def kind(name: str, **labels: str) -> Alert:
    return Alert(
        source="test", name=name, labels=labels, status=Status.FIRING, at_ms=0, starts_at_ms=0, fingerprint="fp1:0"
    )
