"""Identity is derived from content, never random: the same problem from the same thing has the same fingerprint."""

import hashlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

VERSION = "fp1"
_PREFIX = f"{VERSION}:"
_LENGTH = len(_PREFIX) + 16
_FNV_OFFSET, _FNV_PRIME, _MASK = 0xCBF29CE484222325, 0x100000001B3, 0xFFFFFFFFFFFFFFFF


def fingerprint(name: str, labels: Mapping[str, str], dropped: Collection[str]) -> str:
    """`fp1:` and 16 hex digits: BLAKE2b-64 over the name and the sorted stable labels, NUL-separated.

    The source is not part of it: two monitors (or the twins of one) that report the same name and labels report
    the same problem. `dropped` are the labels that the policy calls unstable.
    """
    parts = [name]
    for key in sorted(labels):
        if key not in dropped:
            parts.append(key)
            parts.append(labels[key])
    content = "\0".join(parts).encode("utf-8", "surrogatepass")
    return f"fp1:{hashlib.blake2b(content, digest_size=8).hexdigest()}"


def code_of(found: str) -> int:
    """The 64 bits of a fingerprint of this version. Raises ValueError if it is none."""
    if len(found) != _LENGTH or not found.startswith(_PREFIX):
        raise ValueError(f"no fingerprint of version {VERSION}: {len(found)} characters")
    return int(found[len(_PREFIX) :], 16)


def codes_of(found: Sequence[str]) -> NDArray[np.uint64]:
    """The 64 bits of each. Raises ValueError if one is no fingerprint of this version."""
    joined = "".join(found)
    digits = bytes.fromhex(joined.replace(_PREFIX, "")) if set(map(len, found)) == {_LENGTH} else b""
    # The rest is white space, which `fromhex` skips, and prefixes that stand elsewhere.
    if len(digits) != 8 * len(found) or any(joined[at::_LENGTH].strip(_PREFIX[at]) for at in range(len(_PREFIX))):
        raise ValueError(f"not all are fingerprints of version {VERSION}")
    return np.frombuffer(digits, ">u8").astype(np.uint64)


def fingerprint_of(code: int) -> str:
    """The fingerprint with these 64 bits."""
    return f"fp1:{code:016x}"


def prometheus_fingerprint(labels: Mapping[str, str]) -> str:
    """Prometheus' own fingerprint of a label set: 16 hex digits.

    FNV-1a 64 over, for each label with a non-empty value in byte order of names, name 0xFF value 0xFF
    (prometheus/common, model/signature.go).
    """
    content = b"".join(
        key + b"\xff" + value + b"\xff"
        for key, value in sorted((key.encode(), value.encode()) for key, value in labels.items())
        if value
    )
    value = _FNV_OFFSET
    for byte in content:
        value = ((value ^ byte) * _FNV_PRIME) & _MASK
    return f"{value:016x}"


def incident_id(scope: str, first_fingerprint: str, opened_at_ms: int, nth: int) -> str:
    """`inc1:` and 20 hex digits; `nth` tells apart incidents that one alert opened in the same millisecond."""
    content = f"{scope}\0{first_fingerprint}\0{opened_at_ms}\0{nth}".encode("utf-8", "surrogatepass")
    return f"inc1:{hashlib.blake2b(content, digest_size=10).hexdigest()}"
