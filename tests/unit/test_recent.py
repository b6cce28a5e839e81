"""What was read lately stays, what nobody asks for goes, and memory has a bound whatever comes."""

from pipeline.sources.recent import BYTES_EACH, TIMES_KEY, Recent

SIZE = BYTES_EACH + TIMES_KEY * 2  # of a value with a key of two bytes


def key(number: int) -> bytes:
    return number.to_bytes(2, "big")


def test_what_was_put_is_there_and_nothing_else() -> None:
    recent: Recent[int] = Recent(10 * SIZE)
    recent.put(b"aa", 0)
    assert (recent.get(b"aa"), recent.get(b"ab"), recent.get(b"aa\0")) == (0, None, None)


def test_what_is_asked_for_stays_and_the_rest_goes() -> None:
    recent: Recent[int] = Recent(10 * SIZE)
    recent.put(b"aa", 7)
    recent.put(b"bb", 8)
    for number in range(1000):
        recent.put(key(number), number)
        assert recent.get(b"aa") == 7
    assert recent.get(b"bb") is None


def test_the_bound_holds_whatever_comes() -> None:
    recent: Recent[int] = Recent(10 * SIZE)
    most = 0
    for number in range(1000):
        recent.put(key(number), number)
        recent.get(key(number // 2))
        most = max(most, len(recent))
    assert most == 20


def test_a_value_larger_than_the_bound_is_not_kept() -> None:
    recent: Recent[int] = Recent(10 * SIZE)
    recent.put(b"aa", 7)
    recent.put(b"b" * 11 * SIZE, 8)
    assert len(recent) == 1
    assert recent.get(b"aa") == 7
