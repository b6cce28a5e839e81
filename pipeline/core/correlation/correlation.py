"""Which open incident an alert is likest to, per second since that incident last grew; and what it learns from each."""

from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from pipeline.core.correlation.known import Known
from pipeline.core.correlation.logarithm import ln_of
from pipeline.core.correlation.profile import Profile
from pipeline.core.correlation.surge import Surge
from pipeline.core.correlation.tokens import is_pair, name_of, tokens_of
from pipeline.core.correlation.tuning import (
    CAP,
    HOME,
    LEAST_ALIKE,
    LEAST_LIKE,
    MOST_KNOWN,
    MOST_LOOKED_AT,
    MOST_MEMBERS,
    MOST_OPEN,
    SOFT,
    SURPRISE,
)
from pipeline.core.correlation.vocabulary import Vocabulary
from pipeline.core.incidents import Open, trace_of
from schemas import Alert, Shared, Why

_TOLD = 5  # of what an alert shares with its incident, in the explanation
_MOST_HOMES = 8  # incidents in which an alert is at home, for the short way
_SWEPT = 2  # profiles that are looked at whenever one opens: whoever is out of patience goes


class Newcomer(NamedTuple):
    """An alert that looks for its incident."""

    code: int
    known: Known
    at_ms: int
    unit_ms: int
    max_age_ms: int  # no older incident takes it, unless it is in there


class Fit(NamedTuple):
    """An incident that takes a newcomer, and how well it fits: likeness per ms."""

    score: float
    profile: Profile
    is_home: bool
    runner_up: Profile | None = None
    runner_up_score: float = 0.0


class _Looking:
    """A newcomer, and what is the same for every incident that it is compared with."""

    __slots__ = ("least_like", "newcomer", "rates", "total", "weights")

    def __init__(self, newcomer: Newcomer, weights: dict[int, float], total: float, least_like: float) -> None:
        self.newcomer, self.weights, self.total, self.least_like = newcomer, weights, total, least_like
        self.rates: dict[int, float] = {}  # how often its tokens usually come, as far as that was asked


@lru_cache(maxsize=1024)  # the most common explanation, and frozen
def _at_home_since(since_ms: int) -> Why:
    return Why.trusted(
        since_ms=since_ms, likeness=1.0, shared=(), is_home=True, lift=None, runner_up=None, runner_up_share=None
    )


@dataclass(slots=True)
class Correlation:
    """What one scope has learned, and its incidents that take newcomers."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    known: dict[int, Known] = field(default_factory=dict)  # by code
    profiles: dict[int, Profile] = field(default_factory=dict)  # by number, the next to be swept first
    surge: Surge = field(default_factory=Surge)
    opened: int = 0  # profiles so far
    newest: int = -1  # the profile that grew last,
    newest_but_one: int = -1  # and the other one that grew last before it
    index: dict[int, dict[int, None]] = field(default_factory=dict)  # token → numbers of profiles; derived
    learned: int = 0  # counts what changed how rare tokens are; nothing depends on its value

    def meet(self, alert: Alert, code: int, at_ms: int) -> Known:
        """The alert as it is known, from now on."""
        known = self.known.get(code)
        if known is None:
            if not self.known:
                self.vocabulary.began_at_ms = at_ms
            elif len(self.known) >= MOST_KNOWN:
                self._forget()
            texts = tokens_of(alert)
            tokens = self.vocabulary.learn(texts)
            name = self.vocabulary.learn([name_of(alert)])
            pairs = tuple([token for token, text in zip(tokens, texts, strict=True) if is_pair(text)])
            known = self.known[code] = Known(tokens, pairs + name)
            self.learned += 1
        return known

    def best(self, newcomer: Newcomer) -> Fit | None:
        """The incident that fits best; of two that fit as well the older."""
        at_home = self._at_home(newcomer)
        if at_home is not None:
            return at_home
        candidates, is_plain = self._candidates(newcomer.known)
        if is_plain:
            weights = dict.fromkeys(newcomer.known.tokens, 1.0)
            looking = _Looking(newcomer, weights, float(len(weights)), LEAST_ALIKE)
        else:
            looking = _Looking(newcomer, *self._weights(newcomer.known), LEAST_LIKE)
        best: Fit | None = None
        for profile in reversed(candidates):
            least = 0.0 if best is None else best.score
            fit = self._fit(looking, profile, least)
            if fit is None:
                continue
            if fit.score >= least:
                best = fit if best is None else fit._replace(runner_up=best.profile, runner_up_score=best.score)
            elif best is not None and fit.score > best.runner_up_score:
                best = best._replace(runner_up=profile, runner_up_score=fit.score)
        return best

    def join(self, newcomer: Newcomer, profile: Profile) -> None:
        """It belongs there from now on."""
        incident, at_ms = profile.incident, newcomer.at_ms
        incident.beat(at_ms)
        if newcomer.code in profile.members or len(profile.members) >= MOST_MEMBERS:
            return
        profile.grew_at_ms = at_ms
        if profile.number != self.newest:
            self.newest, self.newest_but_one = profile.number, self.newest
        self._add(profile, newcomer.code, newcomer.known)

    def why(self, found: Fit, newcomer: Newcomer) -> Why:
        """What spoke for the incident. To be asked before it joins."""
        profile, known = found.profile, newcomer.known
        since_ms = max(0, newcomer.at_ms - profile.grew_at_ms)
        if found.is_home and found.runner_up is None:
            return _at_home_since(since_ms)
        weights, total = self._weights(known)
        if not total:
            weights, total = dict.fromkeys(known.tokens, 1.0), float(len(known.tokens))
        counts, members = profile.counts, len(profile.members)
        shared = [
            (weight * min(1.0, 2 * counts[token] / members) / total, token)
            for token, weight in weights.items()
            if token in counts
        ]
        shared.sort(key=lambda one: (-one[0], one[1]))
        texts = self.vocabulary.texts
        said = [{"token": texts[token], "weight": round(weight, 4)} for weight, token in shared[:_TOLD]]
        return Why.trusted(
            since_ms=since_ms,
            likeness=round(sum([weight for weight, _ in shared]), 4),
            shared=tuple(Shared.owning_each(said)),
            is_home=found.is_home,
            lift=None,
            runner_up=None if found.runner_up is None else found.runner_up.incident.incident_id,
            runner_up_share=None if found.runner_up is None else round(found.runner_up_score / found.score, 4),
        )

    def _add(self, profile: Profile, code: int, known: Known) -> None:
        tokens = (*known.tokens, known.pairs[-1])
        profile.add(code, tokens)
        known.homes.append(profile.number)
        for token in tokens:
            self.index.setdefault(token, {})[profile.number] = None

    def open(self, newcomer: Newcomer, incident: Open) -> Profile:
        """An incident that takes newcomers begins with this one."""
        for number in list(islice(self.profiles, _SWEPT)):
            profile = self.profiles.pop(number)
            if newcomer.at_ms - profile.incident.beat_ms > CAP * profile.unit_ms or len(self.profiles) >= MOST_OPEN:
                self._unlist(profile)
            else:
                self.profiles[number] = profile
        profile = Profile(incident, self.opened, newcomer.unit_ms, newcomer.at_ms)
        self.opened += 1
        incident.profile = profile.number
        self.profiles[profile.number] = profile
        self.join(newcomer, profile)
        return profile

    def reopen(self, newcomer: Newcomer, incident: Open) -> None:
        """The incident that the newcomer had opened begins again to take others; who was in it comes home."""
        self.close(incident)
        members, trace = list(incident.members[:MOST_MEMBERS]), trace_of(incident.incident_id)
        profile = self.open(newcomer, incident)
        for code in members:
            for mine in (code, code ^ trace):
                known = self.known.get(mine)
                if known is not None and mine not in profile.members:
                    self._add(profile, mine, known)

    def close(self, incident: Open) -> None:
        """It takes no more newcomers."""
        if incident.profile is not None:
            self._unlist(self.profiles.pop(incident.profile))

    def relist(self, profile: Profile) -> None:
        """Take a profile of a snapshot, whose members are known."""
        self.profiles[profile.number] = profile
        for code in profile.members:
            known = self.known[code]
            known.homes.append(profile.number)
            for token in (*known.tokens, known.pairs[-1]):
                profile.counts[token] = profile.counts.get(token, 0) + 1
        for token in profile.counts:
            self.index.setdefault(token, {})[profile.number] = None

    def _at_home(self, newcomer: Newcomer) -> Fit | None:
        """Where it is at home, if that is so recent that nothing else could fit better: most events, so at little cost.

        Another incident fits no better than one that shares all with it and grew as lately as the last of them did.
        """
        homes = newcomer.known.homes
        if not homes or len(homes) > _MOST_HOMES:
            return None
        at_ms, soft_ms = newcomer.at_ms, SOFT * newcomer.unit_ms
        best, score = None, 0.0
        for number in homes:
            profile = self.profiles[number]
            idle_ms, patience_ms = max(0, at_ms - profile.incident.beat_ms), profile.patience_ms
            here = HOME / (soft_ms + idle_ms)
            if idle_ms <= patience_ms and here * patience_ms >= 1 and here > score:
                best, score = profile, here
        if best is None:
            return None
        for number in (self.newest, self.newest_but_one):
            other = self.profiles.get(number)
            if other is None or number in homes:
                continue
            if score * (soft_ms + max(0, at_ms - other.grew_at_ms)) < 1.0:
                return None
        return Fit(score, best, True) if self.newest not in homes or self.newest_but_one not in homes else None

    def _weights(self, known: Known) -> tuple[dict[int, float], float]:
        """The rarer a token, the more it says (inverse document frequency); one that no other has says nothing.

        And the sum of them. Both stay as they are until another alert becomes known.
        """
        if known.weighed_at != self.learned:
            alerts, most = self.vocabulary.alerts, ln_of(len(self.known) + 1)
            known.weights = {token: most - ln_of(alerts[token]) for token in known.tokens if alerts[token] > 1}
            known.total, known.weighed_at = sum(known.weights.values()), self.learned
        return known.weights, known.total

    def _candidates(self, known: Known) -> tuple[list[Profile], bool]:
        """Open incidents that share its rarest tokens, the oldest first; of very many, the newest.

        Where all that it shares with others is in most of them, as in a first hour or a storm of one kind, nothing
        tells what is rare: the newest, and True, for all its tokens count the same then.
        """
        alerts, most, found = self.vocabulary.alerts, len(self.known) // 2, dict[int, None]()
        shared = sorted((alerts[token], token) for token in known.tokens if alerts[token] > 1)
        if shared and shared[0][0] > most:
            newest = range(max(0, self.opened - MOST_LOOKED_AT), self.opened)
            return [self.profiles[number] for number in newest if number in self.profiles], True
        for count, token in shared:
            if len(found) >= MOST_LOOKED_AT or count > most:
                break
            found.update(self.index.get(token, {}))
        return [self.profiles[number] for number in sorted(found)[-MOST_LOOKED_AT:]], False

    def _fit(self, looking: _Looking, profile: Profile, least: float) -> Fit | None:
        """How well the incident fits; None if it takes none, or if even the likest would fit less than `least`."""
        newcomer = looking.newcomer
        at_ms, soft_ms = newcomer.at_ms, SOFT * newcomer.unit_ms
        is_home = newcomer.code in profile.members
        since_ms = soft_ms + max(0, at_ms - profile.grew_at_ms)
        if not is_home and (least * since_ms > 1.0 or at_ms - profile.incident.opened_at_ms > newcomer.max_age_ms):
            return None
        patience_ms, idle_ms = profile.patience_ms, max(0, at_ms - profile.incident.beat_ms)
        if idle_ms > patience_ms:
            return None
        score = HOME / (soft_ms + idle_ms) if is_home else 0.0
        like = self._likeness(looking.weights, looking.total, profile)
        if like >= looking.least_like and like / since_ms > score:
            is_welcome = like * patience_ms >= since_ms
            if is_welcome and (score * patience_ms >= 1 or self._is_surprising(looking, profile, since_ms)):
                score = like / since_ms
        if score * patience_ms < 1:
            return None
        return Fit(score, profile, is_home)

    @staticmethod
    def _likeness(weights: dict[int, float], total: float, profile: Profile) -> float:
        """The share of its weighted tokens that the incident's members have; fully counts what half of them have."""
        if not total:
            return 0.0
        counts, members, shared = profile.counts, len(profile.members), 0.0
        for token, weight in weights.items():
            count = counts.get(token)
            if count:
                shared += weight if 2 * count >= members else weight * (2 * count / members)
        return shared / total

    def _is_surprising(self, looking: _Looking, profile: Profile, since_ms: float) -> bool:
        """Whether it comes much sooner than the rarest token that it shares with half of the members usually does."""
        half, counts, rates = 0.5 * len(profile.members), profile.counts, looking.rates
        at_ms = looking.newcomer.at_ms
        for token in looking.weights:
            if counts.get(token, 0) < half:
                continue
            rate = rates.get(token)
            if rate is None:
                rate = rates[token] = self.vocabulary.usual_per_ms(token, at_ms)
            if rate * since_ms <= SURPRISE:
                return True
        return False

    def _unlist(self, profile: Profile) -> None:
        profile.incident.profile = None
        for code in profile.members:
            self.known[code].homes.remove(profile.number)
        for token in profile.counts:
            del self.index[token][profile.number]
            if not self.index[token]:
                del self.index[token]

    def _forget(self) -> None:
        """Keep the half that came last, and what open incidents hold; number their tokens anew."""
        held = {code for profile in self.profiles.values() for code in profile.members}
        by_age = sorted(self.known, key=lambda code: (self.known[code].last_at_ms or 0, code))
        gone = [code for code in by_age if code not in held][: MOST_KNOWN // 2]
        for code in gone:
            del self.known[code]
        before, vocabulary = self.vocabulary, Vocabulary(began_at_ms=self.vocabulary.began_at_ms)
        for known in self.known.values():
            known.tokens = vocabulary.learn([before.texts[token] for token in known.tokens])
            *pairs, name = [before.texts[token] for token in known.pairs]
            known.pairs = (*[vocabulary.numbers[text] for text in pairs], *vocabulary.learn([name]))
        for number, text in enumerate(vocabulary.texts):
            was = before.numbers[text]
            vocabulary.onsets[number], vocabulary.onset_at_ms[number] = before.onsets[was], before.onset_at_ms[was]
        self.vocabulary = vocabulary
        self.learned += 1
        self.surge.forget_tokens()
        self.index.clear()
        for known in self.known.values():
            known.homes.clear()
        for profile in self.profiles.values():
            profile.counts.clear()
            self.relist(profile)
