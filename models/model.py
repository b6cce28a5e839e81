"""A model answers what is known of templates; it fulfils the core's `Clusters`, and is never changed."""

from typing import NamedTuple

import numpy as np

from models.arrays import are_within, check_types, version_of
from models.history import Floats, Ints, Keys, Numbers

FORMAT = 1  # of the arrays below; a model of another one is refused
UNKNOWN = -1  # as the core says it
Row = dict[int, float]


class Arrays(NamedTuple):
    """What is learned, as it is stored: templates in the order of their hashes, pairs in order, `pair_a <= pair_b`."""

    keys: Keys  # of each template, its 64-bit hash, rising
    family: Numbers
    onsets: Ints
    gap_ms: Ints  # 0: too few to say
    pair_a: Numbers
    pair_b: Numbers
    lift: Floats
    leads: Floats
    together: Numbers


DTYPES = ("<u8", "<i4", "<i8", "<i8", "<i4", "<i4", "<f4", "<f4", "<i4")
_TEMPLATES = ("keys", "family", "onsets", "gap_ms")


class Model:
    """What a history taught. Numbers are those of its own templates.

    Rows of pairs become dicts when they are first asked for: most templates of a long history are never met again.
    """

    def __init__(self, arrays: Arrays) -> None:
        check(arrays)
        self.arrays = arrays
        self.version: str | None = version_of(f"m{FORMAT}", arrays._asdict())
        self._numbers = {key: number for number, key in enumerate(arrays.keys.tolist())}
        self._gaps: list[int] = arrays.gap_ms.tolist()
        self._families: list[int] = arrays.family.tolist()
        templates = len(arrays.keys)
        # Both ways: for each template, where in `pair_…` it is named, first as `a` and then as `b`.
        named = np.concatenate([arrays.pair_a, arrays.pair_b])
        self._of = np.argsort(named, kind="stable")
        self._starts = np.searchsorted(named[self._of], np.arange(templates + 1))
        self._lifts: dict[int, Row] = {}
        self._leads: dict[int, Row] = {}

    def number(self, template: int) -> int:
        """The number of the template with this hash, or UNKNOWN."""
        return self._numbers.get(template, UNKNOWN)

    def lift(self, a: int, b: int) -> float:
        """How many times likelier they begin together than by chance; 1.0: nothing is known."""
        row = self._lifts.get(a)
        return (self._learn(a) if row is None else row).get(b, 1.0)

    def leads(self, a: int, b: int) -> float:
        """Above 0 where `a` usually begins first."""
        if a not in self._leads:
            self._learn(a)
        return self._leads.get(a, {}).get(b, 0.0)

    def gap_ms(self, a: int) -> int | None:
        """The usual time between two beginnings in a scope."""
        return (self._gaps[a] or None) if a >= 0 else None

    def family(self, a: int) -> int:
        """The family, or UNKNOWN."""
        return self._families[a] if a >= 0 else UNKNOWN

    def _learn(self, a: int) -> Row:
        """The lifts of one template, by the other's number. Of a number that is none, nothing, and not remembered."""
        if not 0 <= a < len(self._gaps):
            return {}
        places = self._of[self._starts[a] : self._starts[a + 1]]
        pairs = len(self.arrays.pair_a)
        is_b = places >= pairs
        places = places % max(pairs, 1)
        others = np.where(is_b, self.arrays.pair_a[places], self.arrays.pair_b[places]).tolist()
        # float32 as float: exact, so that every machine reads the same bits.
        leads = np.where(is_b, -self.arrays.leads[places], self.arrays.leads[places]).tolist()
        self._leads[a] = dict(zip(others, leads, strict=True))
        row = self._lifts[a] = dict(zip(others, self.arrays.lift[places].tolist(), strict=True))
        return row


def check(arrays: Arrays) -> None:
    """Raises ValueError, saying which array is not what it must be: a file may come from anywhere."""
    check_types(arrays._asdict(), DTYPES)
    for name, array in arrays._asdict().items():
        of = arrays.keys if name in _TEMPLATES else arrays.pair_a
        if len(array) != len(of):
            raise ValueError(f"{name}: {len(array)} entries, not {len(of)}")
    keys, templates = arrays.keys, len(arrays.keys)
    if (keys[1:] <= keys[:-1]).any():
        raise ValueError("keys: not in order")
    a, b = arrays.pair_a.astype(np.int64), arrays.pair_b.astype(np.int64)
    if not (are_within(a, 0, templates - 1) and are_within(b, 0, templates - 1) and (a <= b).all()):
        raise ValueError("pair_a, pair_b: numbers that no template has")
    if (np.diff(a * max(templates, 1) + b) <= 0).any():
        raise ValueError("pair_a, pair_b: not in order")
    if not (np.isfinite(arrays.lift).all() and (arrays.lift > 0).all()):
        raise ValueError("lift: not a positive number")
    if not (np.abs(arrays.leads) < 1).all():
        raise ValueError("leads: not between -1 and 1")
    if not (are_within(arrays.family, UNKNOWN, templates) and (arrays.gap_ms >= 0).all()):
        raise ValueError("family, gap_ms: out of range")
