"""What was learned before, from history and from outcomes: never while deciding, and nothing of it is needed."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from pipeline.core.actionability.drift import Bins
from pipeline.core.actionability.scorer import UNTAUGHT, Scorer
from pipeline.core.clusters import UNLEARNED, Clusters


class Learned(NamedTuple):
    """The models that triage is given beside its policy."""

    clusters: Clusters = UNLEARNED
    scorer: Scorer = UNTAUGHT
    find: "Callable[[str], Learned | None] | None" = None  # those of another version, where they are at hand
    expected: Mapping[str, Bins] = MappingProxyType({})  # how the score and its features were spread when it was taught

    @property
    def version(self) -> str | None:
        """The versions of those that there are, `m1:…+a1:…`, as decisions name them; None: there is none."""
        return "+".join(one for one in (self.clusters.version, self.scorer.version) if one) or None

    def other(self, version: str | None) -> "Learned | None":
        """The models of `version`, to which all others are at hand that are to these; None: they are not at hand."""
        if version == self.version:
            return self
        if version is None:
            return Learned(find=self.find)
        found = None if self.find is None else self.find(version)
        return None if found is None else found._replace(find=self.find)


NOTHING = Learned()
