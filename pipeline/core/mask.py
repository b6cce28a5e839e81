"""What is volatile in a text becomes `*`: numbers, ids, hashes, addresses, times, and the tails of pods and hosts."""

import re
from collections.abc import Callable
from functools import lru_cache

LONGEST = 400  # characters that are looked at; what follows is cut off

# Shapes that are volatile wherever they stand, the most telling first.
_SHAPES = re.compile(
    r"""
    \b[a-z][a-z0-9+.-]*://[^\s"'<>]+                                            # a URL
  | (?<![\w.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+                                      # a mail address
  | \b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?)?(?:\ ?(?:Z\b|UTC\b|[+-]\d\d:?\d\d\b))*   # a date, a time
  | \b\d\d:\d\d:\d\d(?:[.,]\d+)?\b(?!:)                                         # a time of day
  | \b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b            # a UUID
  | \b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b                                       # a MAC address
  | (?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5}|/\d{1,2})?(?![\d.]\d)          # IPv4, with a port or a prefix
  | \[[0-9a-f:]*:[0-9a-f:.]*\](?::\d{1,5})?                                     # [IPv6], with a port
  | (?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?![\w:])                       # IPv6 in full
  | (?<![\w:])(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?::(?:[0-9a-f]{1,4}(?::[0-9a-f]{1,4}){0,6})?(?:/\d{1,3})?(?![\w:])
  | \b0x[0-9a-f]+\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Kubernetes names pods with letters and digits that make no words (apimachinery, util/rand: `SafeEncodeString`).
_SAFE = "[bcdfghjklmnpqrstvwxz2456789]"
_OF_REPLICA_SET = re.compile(rf"-{_SAFE}{{8,10}}-{_SAFE}{{5}}(?![\w-])")  # name-5d8c7f9b6d-x2x7k
_OF_CRON_JOB = re.compile(rf"-\d{{8,10}}-{_SAFE}{{5}}(?![\w-])")  # name-28394820-x2x7k: minutes since 1970
_OF_NODE_POOL = re.compile(r"-[0-9a-f]{8}-[a-z0-9]{4}(?![\w-])")  # gke-prod-3f2a1b4c-x8k2
_OF_SET = re.compile(rf"-(?:{_SAFE}{{5}}|\d+)$")  # daemon set or job: name-x2x7k; stateful set: name-3
_SEPARATOR = re.compile(r"([-_./:,=])")
_STARS = re.compile(r"\*(?:[-_./:,]\*)+")
_TOKEN = re.compile(r"(?:(?<!\S)[+-](?=\d))?[\w*](?:[\w*./:,=+-]*[\w*])?")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:e[+-]?\d+)?([a-zµ]{0,3})", re.IGNORECASE)
_HEX = re.compile(r"(?=.*\d)(?=.*[a-f])[0-9a-f]{8,}|[0-9a-f]{24,}", re.IGNORECASE)
_RANDOM = re.compile(r"(?=.{16})[A-Za-z]*\d+[A-Za-z]+\d[A-Za-z0-9]*")  # digits in two places at least
_SAFE_HASH = re.compile(rf"(?=.*\d)(?=.*[a-z])(?![a-z]{{3,}}\d+$){_SAFE}{{5}}")
_MANY_DIGITS = re.compile(r"\d{4,}")
_NUMBERED = re.compile(r"([^\W\d_]{2,})\d+")
# What stays though it holds digits: a status code is a kind, not a value (`400 error`, `HTTP 503`), and a region of a
# cloud is where, not which.
_STAYING = re.compile(
    r"""
    (\b[1-5]\d\d(?=\s+(?:errors?|status|codes?|responses?|bad|gateway|service\ unavailable|internal|not\ found|forbidden
                         |unauthorized|too\ many)\b)
    |(?<=\bhttp\s)[1-5]\d\d\b|(?<=\berror\s)[1-5]\d\d\b|(?<=\bstatus\s)\d{1,4}\b|(?<=\bcode\s)\d{1,4}\b
    |\b(?:[a-z]{2}|europe|asia|australia|northamerica|southamerica)
       -(?:gov-)?(?:north|south|east|west|central)(?:east|west)?-?\d[a-d]?\b)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TERM = re.compile(  # words that end in digits and are still words
    r"base\d\d|ec2|ext\d|grpc2|h2|http[123]|ipv[46]|k8s|log4j|md5|neo4j|oauth2|python[23]|raid\d+|route53|sha\d+"
    r"|sqlite3|(?:ssl|tls)v\d|tcp[46]|tier\d|tls1|udp[46]|utf\d+|x86|x509"
    r"|\d+(?:st|nd|rd|th)|[1-5]xx",
    re.IGNORECASE,
)


@lru_cache(maxsize=8192)
def masked_text(text: str) -> str:
    """A sentence that a person reads: what is a value in it is masked, and what numbers hosts and things."""
    pieces = _STAYING.split(_SHAPES.sub("*", text[:LONGEST]))
    pieces[::2] = [_TOKEN.sub(_masked_token, piece) for piece in pieces[::2]]
    return "".join(pieces)


@lru_cache(maxsize=8192)
def masked_identifier(text: str) -> str:
    """A name that a machine or an engineer gave: `pr-1234` → `pr-*`, `/users/17/orders` → `/users/*/orders`."""
    pieces = _STAYING.split(_without_hashes(_SHAPES.sub("*", text[:LONGEST])))
    pieces[::2] = [_by_segment(piece, _masked_segment) for piece in pieces[::2]]
    return "".join(pieces)


@lru_cache(maxsize=8192)
def masked_pod(text: str) -> str:
    """A pod: what it is a replica of. `web-5d8c7f9b6d-x2x7k`, `web-x2x7k` and `web-3` → `web-*`."""
    return masked_identifier(_OF_SET.sub("-*", _without_hashes(text[:LONGEST])))


@lru_cache(maxsize=8192)
def masked_name(text: str) -> str:
    """An alert's name: a sentence is masked as one; in a single word numbers are part of what it names (`ALM_11`)."""
    if text and text.split(maxsplit=1) != [text]:
        return masked_text(text)
    if "/" in text:
        return masked_identifier(text)
    return _by_segment(_without_hashes(_SHAPES.sub("*", text[:LONGEST])), _masked_name_segment)


def _without_hashes(text: str) -> str:
    return _OF_NODE_POOL.sub("-*", _OF_CRON_JOB.sub("-*", _OF_REPLICA_SET.sub("-*", text)))


def _by_segment(text: str, mask: Callable[[str], str]) -> str:
    parts = [part if _TERM.fullmatch(part) else mask(part) for part in _SEPARATOR.split(text)]
    return _STARS.sub("*", "".join(parts))


def _masked_token(found: re.Match[str]) -> str:
    """A word of a sentence."""
    token = found.group()
    if number := _NUMBER.fullmatch(token):
        return token if _TERM.fullmatch(token) else f"*{number.group(1)}"
    return _by_segment(_without_hashes(token), _masked_word_segment)


def _masked_segment(part: str) -> str:
    if part.isdigit() or _HEX.fullmatch(part) or _RANDOM.fullmatch(part) or _SAFE_HASH.fullmatch(part):
        return "*"
    return _MANY_DIGITS.sub("*", part)


def _masked_word_segment(part: str) -> str:
    """Also `db01` → `db*`: in a sentence that is one of many."""
    return _NUMBERED.sub(r"\1*", part) if _NUMBERED.fullmatch(part) else _masked_segment(part)


def _masked_name_segment(part: str) -> str:
    """Ids are long: what is shorter is the code of a kind (`00040019`, `0004001A`)."""
    is_id = len(part) >= 10 if part.isdigit() else len(part) >= 12 and _HEX.fullmatch(part)
    return "*" if is_id else part
