"""A scope is where grouping may happen: alerts of different scopes are never compared."""

import hashlib
from collections.abc import Mapping

from pipeline.core.policy import Policy

WHOLE = "default"
LONGEST = 128  # characters of one label's value


def scope_of(labels: Mapping[str, str], tenant: str | None, policy: Policy) -> str:
    """The scope's name, `tenant=acme,environment=prod`; the tenant that the gateway knows beats a label's claim."""
    if not policy.scope:
        return WHOLE
    known = {**labels, "tenant": tenant} if tenant else labels
    return ",".join(f"{label}={_short(known.get(label, ''))}" for label in policy.scope)


def _short(value: str) -> str:
    """A scope is a key on every record: a very long value is told by its beginning and its hash."""
    if len(value) <= LONGEST:
        return value
    digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{value[:LONGEST]}…{digest}"
