"""A scope is where grouping may happen: alerts of different scopes are never compared."""

from collections.abc import Mapping

from pipeline.core.policy import Policy

WHOLE = "default"


def scope_of(labels: Mapping[str, str], tenant: str | None, policy: Policy) -> str:
    """The scope's name, `tenant=acme,environment=prod`; the tenant that the gateway knows beats a label's claim."""
    if not policy.scope:
        return WHOLE
    known = {**labels, "tenant": tenant} if tenant else labels
    return ",".join(f"{label}={known.get(label, '')}" for label in policy.scope)
