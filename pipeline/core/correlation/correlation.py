"""Which open incident an alert is likest to, per second since that incident last grew; and what it learns from each."""

from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from pipeline.core.correlation.known import Known
from pipeline.core.correlation.logarithm import ln_of
from pipeline.core.correlation.profile import Profile
from pipeline.core.correlation.tokens import tokens_of
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
from pipeline.core.incidents import Open
from schemas import Alert

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


class _Looking:
    """A newcomer, and what is the same for every incident that it is compared with."""

    __slots__ = ("least_like", "most_since_ms", "newcomer", "rates", "total", "weights")

    def __init__(
        self, newcomer: Newcomer, weights: dict[int, float], rates: dict[int, float], least_like: float
    ) -> None:
        self.newcomer, self.weights, self.rates, self.least_like = newcomer, weights, rates, least_like
        self.total = sum(weights.values())
        # Later than this after the last growth not even its rarest token is a surprise.
        self.most_since_ms = SURPRISE / min(rates.values()) if rates else 0.0


@dataclass(slots=True)
class Correlation:
    """What one scope has learned, and its incidents that take newcomers."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    known: dict[int, Known] = field(default_factory=dict)  # by code
    profiles: dict[int, Profile] = field(default_factory=dict)  # by number, the next to be swept first
    opened: int = 0  # profiles so far
    index: dict[int, dict[int, None]] = field(default_factory=dict)  # token → numbers of profiles; derived

    def meet(self, alert: Alert, code: int, at_ms: int) -> Known:
        """The alert as it is known, from now on."""
        known = self.known.get(code)
        if known is None:
            if not self.known:
                self.vocabulary.began_at_ms = at_ms
            elif len(self.known) >= MOST_KNOWN:
                self._forget()
            known = self.known[code] = Known(self.vocabulary.learn(tokens_of(alert)))
        return known

    def best(self, newcomer: Newcomer) -> Fit | None:
        """The incident that fits best; of two that fit as well the older."""
        candidates, is_plain = self._candidates(newcomer.known)
        weights = dict.fromkeys(newcomer.known.tokens, 1.0) if is_plain else self._weights(newcomer.known)
        rates = {token: self.vocabulary.usual_per_ms(token, newcomer.at_ms) for token in weights}
        looking = _Looking(newcomer, weights, rates, LEAST_ALIKE if is_plain else LEAST_LIKE)
        best: Fit | None = None
        for profile in reversed(candidates):
            least = 0.0 if best is None else best.score
            fit = self._fit(looking, profile, least)
            if fit is not None and fit.score >= least:
                best = fit
        return best

    def join(self, newcomer: Newcomer, profile: Profile) -> None:
        """It belongs there from now on."""
        incident, at_ms = profile.incident, newcomer.at_ms
        incident.beat(at_ms)
        if newcomer.code in profile.members or len(profile.members) >= MOST_MEMBERS:
            return
        profile.grew_at_ms = at_ms
        profile.add(newcomer.code, newcomer.known.tokens)
        for token in newcomer.known.tokens:
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

    def close(self, incident: Open) -> None:
        """It takes no more newcomers."""
        if incident.profile is not None:
            self._unlist(self.profiles.pop(incident.profile))

    def relist(self, profile: Profile) -> None:
        """Take a profile of a snapshot, whose members are known."""
        self.profiles[profile.number] = profile
        for code in profile.members:
            tokens = self.known[code].tokens
            for token in tokens:
                profile.counts[token] = profile.counts.get(token, 0) + 1
        for token in profile.counts:
            self.index.setdefault(token, {})[profile.number] = None

    def _weights(self, known: Known) -> dict[int, float]:
        """The rarer a token, the more it says (inverse document frequency); one that no other has says nothing."""
        alerts, total = self.vocabulary.alerts, ln_of(len(self.known) + 1)
        return {token: total - ln_of(alerts[token]) for token in known.tokens if alerts[token] > 1}

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
        if not is_home and (
            since_ms > looking.most_since_ms
            or least * since_ms > 1.0
            or at_ms - profile.incident.opened_at_ms > newcomer.max_age_ms
        ):
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

    @staticmethod
    def _is_surprising(looking: _Looking, profile: Profile, since_ms: float) -> bool:
        """Whether it comes much sooner than the rarest token that it shares with half of the members usually does."""
        half, counts = 0.5 * len(profile.members), profile.counts
        rate = min((rate for token, rate in looking.rates.items() if counts.get(token, 0) >= half), default=None)
        return rate is not None and rate * since_ms <= SURPRISE

    def _unlist(self, profile: Profile) -> None:
        profile.incident.profile = None
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
        for number, text in enumerate(vocabulary.texts):
            was = before.numbers[text]
            vocabulary.onsets[number], vocabulary.onset_at_ms[number] = before.onsets[was], before.onset_at_ms[was]
        self.vocabulary = vocabulary
        self.index.clear()
        for profile in self.profiles.values():
            profile.counts.clear()
            self.relist(profile)
