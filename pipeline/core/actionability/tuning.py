"""The constants of the score: tuned on train and val of ait-ads-a, and round, since exact weights change little.

Halving or doubling any weight moves the average precision by less than .04, and what raises it costs more elsewhere
(benchmarks/README.md).
"""

HALF_LIFE_MS = 14 * 86_400_000  # after so long, a beginning counts half
# Surprise is in the air for so long before half of it is gone: the scope's for 7 minutes, that of a place for 14.
SCOPE_HALF_LIFE_MS = 420_000
PLACE_HALF_LIFE_MS = 840_000

TEMPLATE = 1.0
ALERT = 0.25
PLACE = 1.0
SCOPE_GLOWS = 1.0
RHYTHM = 0.5
SELF_RESOLVED = -2.0  # not measured: no set with labels says it
# Not measured either, and small: what is claimed of an alert, not what it does.
SEVERITY = {"critical": 0.5, "error": 0.25, "warning": 0.0, "info": -1.0}
TIERS = {"0": 0.5, "1": 0.25, "3": -0.25, "4": -0.5}
FLAPS = -0.5  # it has changed often of late
RUNBOOK = 0.125  # somebody thought that it would have to be acted on
HOUR = -0.25  # for each e-fold by which its kind comes more often at this time of day than spread over it
DAY_HOURS = 12  # parts of a day that are about one time of it: two hours each
CHANGE = 0.5  # something was changed just before it began
JUDGED_SHRINK = 1.0  # answers for either side that count beside what people said of a kind
JUDGED_HALF_LIFE_MS = 90 * 86_400_000
MOST_JUDGED = 10_000  # templates
MOST_PAST = 10_000  # incidents of a scope that may still be marked

# A state is a rule that somebody wrote because it might matter: with nothing known it is as likely as not. Log-like
# events are what a detector saw, and few of them matter. With these the sum is calibrated in both worlds as it is: a
# Platt fit has a slope of .92 and an intercept of .08 on the operations scenes, and 1 and 0 on ait-ads-a.
EVENT = -3.0

SHORT_MS = 600_000  # what was over so soon ended by itself
SHRINK = 4.0  # ends that have to be seen before the share of those is believed
FORGETS = 0.98  # an end counts so much less with each that comes after it
MOST_GAPS = 50.0  # of which the usual gap is the mean

# How long a page may wait (spell.py): chosen on upptime and huawei-alarms, where neighbours that avoid more pages let
# real ones wait longer (benchmarks/README.md).
STEP_MS = 30_000
SLACK_STEPS = 2  # that a page waits longer than what is worth most: what is like it may take a little longer
LEAST_SPELLS = 5  # of a template or an alert: before that nothing of it waits
LEAN_NOWHERE = 4.0  # endless spells that count beside those of a template
LEAN = 1.0  # spells of its template that count beside those of an alert
LEAN_ABOUT = 4.0  # and of its own at any time, beside those of about this time of day
SPELL_FORGETS = 80  # in hundredths: a spell counts so much less with each that comes after it
ABOUT_MINUTES = 60
