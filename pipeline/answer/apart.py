"""The alerts of an answer that would read alike are told apart."""

from collections import defaultdict
from collections.abc import Mapping

from pipeline.answer.named import Named
from pipeline.core.apart import apart


def told_apart(names: Mapping[str, Named]) -> dict[str, Named]:
    """The same by fingerprint; of those that read alike each with what tells it from the others."""
    alike = defaultdict[str, list[str]](list)
    for fingerprint, named in names.items():
        alike[str(named)].append(fingerprint)
    found = dict(names)
    for several in alike.values():
        if len(several) > 1:
            said = apart([names[one].labels for one in several])
            found |= {one: names[one]._replace(apart=text) for one, text in zip(several, said, strict=True)}
    return found
