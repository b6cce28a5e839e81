"""What was learned before, from history and from outcomes: never while deciding, and nothing of it is needed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from pipeline.core.actionability.drift import Bins
from pipeline.core.actionability.scorer import UNTAUGHT, Scorer
from pipeline.core.clusters import UNLEARNED, Clusters


class Learned(NamedTuple):
    """The models that triage is given beside its policy."""

    clusters: Clusters = UNLEARNED
    scorer: Scorer = UNTAUGHT
    expected: Mapping[str, Bins] = MappingProxyType({})  # how the score and its features were spread when it was taught

    @property
    def version(self) -> str | None:
        """The versions of those that there are, `m1:…+a1:…`, as decisions name them; None: there is none."""
        return "+".join(one for one in (self.clusters.version, self.scorer.version) if one) or None


NOTHING = Learned()
