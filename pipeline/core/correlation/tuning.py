"""The constants of correlation. Halved or doubled they cost little each; the structure carries, not the third decimal.

Those of a unit count in units of the source: a second for log-like events; 20 s for states, which a monitor samples at
an interval, so that "at the same time" is blurred by it.
"""

EVENT_UNIT_MS = 1_000
STATE_UNIT_MS = 20_000

FLOOR = 6.0  # units of silence that end a busy incident
RHYTHM = 8.0  # its mean gaps that end any other ...
PRIOR_GAP = 4.0  # units: ... where one imaginary gap of this length starts the mean
CAP = 60.0  # units: none waits longer

SOFT = 0.15  # units added to every time difference: the clock's resolution
HOME = 1.15  # likeness granted to what is in the incident already
LEAST_LIKE = 0.05  # below it nothing joins ...
LEAST_ALIKE = 0.25  # ... and below this where nothing tells yet which tokens are rare
SURPRISE = 0.1353352832366127  # e^-2: so many of a shared token are expected by chance at most

BACKGROUND_SESSIONS = 10.0  # with so many, a log-like event glues nothing, and is grouped with itself
SESSION_MS = 300_000  # silence that ends a session
SESSIONS_HALF_LIFE_MS = 419_218_000  # 7 days · ln 2
# Silence that ends an incident of such an event, and that a state which keeps coming back does not exceed: hourly jobs
# are not punctual.
BACKGROUND_GAP_MS = 7_200_000

RATE_SPAN_MS = 21_600_000  # 6 h: over which a token's usual rate is taken
RATE_HALF_LIFE_MS = 14_971_979  # 6 h · ln 2
RATE_PRIOR_MS = 600_000  # as if one had come in so long

SURGE_SPAN_MS = 180_000  # over which onsets count as one surge
SURGE_HALF_LIFE_MS = 124_766  # the same as a half-life: 180 s · ln 2
SURGE_EVIDENCE = 12.0  # nats of Poisson evidence that make a token surge
SURGE_FACTOR = 5.0  # times as many as usual: at most one in so many is a stranger
SURGE_AT_LEAST = 6.0  # onsets
SURGE_ENDS_MS = 90_000  # without an onset

MOST_TOKENS = 64  # of one alert
LONGEST_TOKEN = 256
MOST_OPEN = 4096  # incidents that take newcomers
MOST_LOOKED_AT = 32  # incidents compared with one alert: those that grew last
MOST_MEMBERS = 1000  # whose tokens an incident's profile counts
MOST_KNOWN = 200_000  # alerts remembered in a scope; beyond it, the half that was silent longest is forgotten
