"""Which open incident an alert is likest to, per second since that incident last grew; and what it learns from each."""

from collections import OrderedDict
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from pipeline.core.correlation.known import Known, Weighed
from pipeline.core.correlation.profile import Profile
from pipeline.core.correlation.surge import Surge
from pipeline.core.correlation.tokens import name_of, needed, tokens_of
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
from pipeline.core.logarithm import ln_of
from pipeline.core.topology import Topology
from schemas import Alert

_SWEPT = 2  # profiles that are looked at whenever one opens: whoever is out of patience goes


class Newcomer(NamedTuple):
    """An alert that looks for its incident."""

    code: int
    known: Known
    at_ms: int
    unit_ms: int
    max_age_ms: int  # no older incident takes it, unless it is in there
    is_everyday: bool = False  # a state that keeps coming back: by itself it tells of nothing new


class Fit(NamedTuple):
    """An incident that takes a newcomer, and how well it fits: likeness per ms."""

    score: float
    profile: Profile
    is_home: bool
    runner_up: Profile | None = None
    runner_up_score: float = 0.0


@dataclass(slots=True)
class Correlation:
    """What one scope has learned, and its incidents that take newcomers."""

    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    known: dict[int, Known] = field(default_factory=dict)  # by code
    # By number, the next to be swept first. A plain dict would look past all that ever left its begin.
    profiles: OrderedDict[int, Profile] = field(default_factory=OrderedDict)
    surge: Surge = field(default_factory=Surge)
    everyday_surge: Surge = field(default_factory=Surge)  # of what keeps coming back, told apart from all else
    opened: int = 0  # profiles so far
    grown: dict[int, Profile] = field(default_factory=dict)  # by number, the one that grew last at the end
    learned: int = 0  # counts what changed how rare tokens are; nothing depends on its value

    def meet(self, alert: Alert, code: int, at_ms: int, graph: Topology | None = None) -> Known:
        """The alert as it is known, from now on. `graph`: what depends on what, if that was said."""
        known = self.known.get(code)
        if known is None:
            if not self.known:
                self.vocabulary.begin(at_ms)
            elif len(self.known) >= MOST_KNOWN:
                self._forget()
            texts = tokens_of(alert)
            needs = [] if graph is None else needed(graph.needs_of(alert.labels), texts)
            tokens = self.vocabulary.learn([*texts, *needs])
            name = self.vocabulary.learn([name_of(alert)])
            # Whether it is the value of a label, without a call for each.
            pairs = tuple([token for token, text in zip(tokens, texts, strict=False) if "=" in text])
            known = self.known[code] = Known(tokens, pairs + name, len(needs))
            self.learned += 1
        return known

    def best(self, newcomer: Newcomer) -> Fit | None:
        """The incident that fits best; of two that fit as well the older."""
        best = self._home(newcomer)
        known, at_ms, soft_ms = newcomer.known, newcomer.at_ms, SOFT * newcomer.unit_ms
        # At no time difference does another of the tokens that others have surprise: in a flood there is none.
        vocabulary, alerts = self.vocabulary, self.vocabulary.alerts
        sharp = [token for token in known.tokens if alerts[token] > 1]
        usual = vocabulary.usual_of(is_everyday=newcomer.is_everyday)
        sharp = usual.surprising(sharp, at_ms, soft_ms, SURPRISE)
        if not sharp:
            return best
        score = 0.0 if best is None else best.score
        homes, oldest_ms = known.homes, at_ms - newcomer.max_age_ms
        weighed, rare = None, set[int]()
        # From the one that grew last: as soon as one that shares all with it could not fit better, none further can.
        for profile in islice(reversed(self.grown.values()), MOST_LOOKED_AT):
            elapsed_ms = at_ms - profile.grew_at_ms
            since_ms = soft_ms + elapsed_ms if elapsed_ms > 0 else soft_ms
            if score * since_ms > 1.0:
                break
            if weighed is None:
                weighed = self.weighed(known)
                rare = weighed.rare
            # Almost all go here: what most alerts have is no reason to look at one.
            if profile.tokens.isdisjoint(rare) or profile.tokens.isdisjoint(sharp):
                continue
            if profile.is_everyday and not newcomer.is_everyday:
                continue
            if profile.number in homes or profile.incident.opened_at_ms < oldest_ms:
                continue
            fits = self._fits(weighed, profile, at_ms, since_ms)
            if fits < score or not fits or not self._is_surprising(sharp, profile, newcomer, since_ms):
                continue
            if best is None or fits > score or profile.number < best.profile.number:
                runner_up, second = (None, 0.0) if best is None else (best.profile, best.score)
                best, score = Fit(fits, profile, False, runner_up, second), fits
        return best

    def join(self, newcomer: Newcomer, profile: Profile) -> None:
        """It belongs there from now on."""
        incident, at_ms = profile.incident, newcomer.at_ms
        incident.beat(at_ms)
        if newcomer.code in profile.members or len(profile.members) >= MOST_MEMBERS:
            return
        profile.grew_at_ms = at_ms
        self.grown.pop(profile.number, None)
        self.grown[profile.number] = profile
        self._add(profile, newcomer.code, newcomer.known)

    def _add(self, profile: Profile, code: int, known: Known) -> None:
        tokens = (*known.tokens, known.pairs[-1])
        profile.add(code, tokens)
        known.homes += (profile.number,)

    def open(self, newcomer: Newcomer, incident: Open) -> Profile:
        """An incident that takes newcomers begins with this one."""
        profiles, at_ms = self.profiles, newcomer.at_ms
        for number in list(islice(profiles, _SWEPT)):
            profile = profiles[number]
            if len(profiles) > MOST_OPEN or at_ms - profile.incident.beat_ms > CAP * profile.unit_ms:
                self._unlist(profiles.pop(number))
            else:
                profiles.move_to_end(number)
        profile = Profile(incident, self.opened, newcomer.unit_ms, at_ms, newcomer.is_everyday)
        self.opened += 1
        incident.profile = profile.number
        profiles[profile.number] = profile
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
            known.homes += (profile.number,)
            for token in (*known.tokens, known.pairs[-1]):
                profile.counts[token] = profile.counts.get(token, 0) + 1

    def _home(self, newcomer: Newcomer) -> Fit | None:
        """The incident in which it is at home, the one that was heard of last, if that waits for it still."""
        at_ms, soft_ms, best = newcomer.at_ms, SOFT * newcomer.unit_ms, None
        for number in newcomer.known.homes:
            profile = self.profiles[number]
            idle_ms = max(0, at_ms - profile.incident.beat_ms)
            score, patience_ms = HOME / (soft_ms + idle_ms), profile.patience_ms
            if idle_ms > patience_ms or score * patience_ms < 1:
                continue
            if best is None or (score, -number) > (best.score, -best.profile.number):
                best = Fit(score, profile, True)
        return best

    def weighed(self, known: Known) -> Weighed:
        """Its tokens and what each says, the rarest first: the rarer, the more (inverse document frequency).

        One that no other alert has says nothing. Where all that it shares with others is in most of them, as in a first
        hour or a storm of one kind, nothing tells what is rare: all count the same, but a label's value must be shared.
        It stays as it is until another alert becomes known.
        """
        if known.weighed is None or known.weighed_at != self.learned:
            alerts, total = self.vocabulary.alerts, len(self.known)
            shared = sorted([(alerts[token], token) for token in known.tokens if alerts[token] > 1])
            if shared and shared[0][0] > total // 2:
                known.weighed = Weighed(
                    [(token, 1.0) for token in known.tokens], len(known.tokens), LEAST_ALIKE, set(known.pairs[:-1])
                )
            else:
                most = ln_of(total + 1)
                weights = [(token, most - ln_of(count)) for count, token in shared]
                rare = {token for count, token in shared if count <= total // 2}
                known.weighed = Weighed(weights, sum([weight for _, weight in weights]), LEAST_LIKE, rare)
            known.weighed_at = self.learned
        return known.weighed

    @staticmethod
    def _fits(weighed: Weighed, profile: Profile, at_ms: int, since_ms: float) -> float:
        """How well it fits: likeness per ms since the incident grew; 0 if not at all.

        Likeness is the share of its weighted tokens that the members have; what half of them have counts in full.
        """
        counts, members, shared = profile.counts, len(profile.members), 0.0
        for token, weight in weighed.weights:
            count = counts.get(token)
            if count:
                shared += weight if 2 * count >= members else weight * (2 * count / members)
        if shared < weighed.least * weighed.total or not shared:
            return 0.0
        patience_ms = profile.patience_ms
        like = shared / weighed.total
        if like * patience_ms < since_ms or at_ms - profile.incident.beat_ms > patience_ms:
            return 0.0
        fits: float = like / since_ms
        return fits

    def _is_surprising(self, sharp: list[int], profile: Profile, newcomer: Newcomer, since_ms: float) -> bool:
        """Whether it comes much sooner than some token that it shares with half of the members usually does."""
        half, counts = 0.5 * len(profile.members), profile.counts
        shared = [token for token in sharp if counts.get(token, 0) >= half]
        usual = self.vocabulary.usual_of(is_everyday=newcomer.is_everyday)
        return bool(usual.surprising(shared, newcomer.at_ms, since_ms, SURPRISE))

    def _unlist(self, profile: Profile) -> None:
        profile.incident.profile = None
        for code in profile.members:
            known = self.known[code]
            known.homes = tuple([number for number in known.homes if number != profile.number])
        del self.grown[profile.number]

    def _forget(self) -> None:
        """Keep the half that came last, and what open incidents hold; number their tokens anew."""
        held = {code for profile in self.profiles.values() for code in profile.members}
        by_age = sorted(self.known, key=lambda code: (self.known[code].last_at_ms or 0, code))
        gone = [code for code in by_age if code not in held][: MOST_KNOWN // 2]
        for code in gone:
            del self.known[code]
        before, vocabulary = self.vocabulary, Vocabulary()
        for known in self.known.values():
            known.tokens = vocabulary.learn([before.texts[token] for token in known.tokens])
            *pairs, name = [before.texts[token] for token in known.pairs]
            known.pairs = (*[vocabulary.numbers[text] for text in pairs], *vocabulary.learn([name]))
        were = [before.numbers[text] for text in vocabulary.texts]
        vocabulary.rates, vocabulary.everyday = before.rates.copy_of(were), before.everyday.copy_of(were)
        self.vocabulary = vocabulary
        self.learned += 1
        self.surge.forget_tokens()
        self.everyday_surge.forget_tokens()
        for known in self.known.values():
            known.homes = ()
        for profile in self.profiles.values():
            profile.counts.clear()
            self.relist(profile)
