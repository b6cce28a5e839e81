"""How times, scores and links are written on the page."""

import pytest

from pipeline.edge.web.render import clock, lasted, moment

AT_MS = 1_700_000_000_000  # 2023-11-14 22:13:20 UTC


@pytest.mark.parametrize(
    ("took_ms", "said"),
    [
        (0, "0 s"),
        (119_999, "119 s"),
        (120_000, "2 min"),
        (7_199_000, "119 min"),
        (7_200_000, "2 h"),
        (172_800_000, "2 days"),
    ],
)
def test_a_time_is_said_in_the_unit_that_says_enough(took_ms: int, said: str) -> None:
    assert lasted(took_ms) == said
    assert f">{said} ago<" in moment(AT_MS, AT_MS + took_ms)
    if took_ms:
        assert f">in {said}<" in moment(AT_MS + took_ms, AT_MS)


def test_the_exact_time_stands_behind_it() -> None:
    assert moment(AT_MS, AT_MS) == (
        '<time datetime="2023-11-14T22:13:20.000Z" title="2023-11-14 22:13:20 UTC">0 s ago</time>'
    )


def test_a_list_says_the_day_where_it_changes() -> None:
    assert ">14 Nov 22:13:20<" in clock(AT_MS, None)
    assert ">22:13:20<" in clock(AT_MS, AT_MS - 1000)
    assert ">15 Nov 22:13:20<" in clock(AT_MS + 86_400_000, AT_MS)
