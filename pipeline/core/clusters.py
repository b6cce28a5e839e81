"""What is known of templates that come together, from a model or from nothing: learned before, never while deciding.

A template goes by a 64-bit hash of its text, and in a model by a dense number, which says nothing to another model.
"""

import hashlib
from functools import lru_cache
from typing import Protocol

UNKNOWN = -1  # the number of a template that the model never saw, and the family of one that has none


class Clusters(Protocol):
    """What a model says of templates. It is read only, and its floats are those of its files, bit for bit."""

    @property
    def version(self) -> str | None:
        """`m1:` and a hash of the content, which every decision names; None: no model."""
        ...

    def number(self, template: int) -> int:
        """The number of the template with this hash (`key_of`), or UNKNOWN."""
        ...

    def lift(self, a: int, b: int) -> float:
        """How many times likelier they begin together than by chance; 1.0: nothing is known. Symmetrical.

        Of a template with itself: how much likelier one thing follows another than by chance.
        """
        ...

    def leads(self, a: int, b: int) -> float:
        """In (-1, 1): above 0 where `a` usually begins first. `leads(b, a)` is its negative; 0.0: nothing is known."""
        ...

    def gap_ms(self, a: int) -> int | None:
        """The usual time between two of its beginnings in a scope; None where it began too rarely to say."""
        ...

    def family(self, a: int) -> int:
        """Templates that say alike things and come together have a family in common; UNKNOWN: it has none."""
        ...


class Unlearned:
    """What is known without a model: nothing."""

    version = None

    def number(self, template: int) -> int:
        """None is known."""
        return UNKNOWN

    def lift(self, a: int, b: int) -> float:
        """As likely as by chance."""
        return 1.0

    def leads(self, a: int, b: int) -> float:
        """Neither is known to be first."""
        return 0.0

    def gap_ms(self, a: int) -> int | None:
        """Nothing is usual."""
        return None

    def family(self, a: int) -> int:
        """None."""
        return UNKNOWN


UNLEARNED: Clusters = Unlearned()


@lru_cache(maxsize=65536)
def key_of(template: str) -> int:
    """The template's hash, 64 bits unsigned: the same in every process and on every machine."""
    return hash_of(template)


def hash_of(text: str) -> int:
    """As `key_of`, of any text, and not remembered."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
