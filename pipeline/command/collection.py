"""When Python looks for cycles of garbage, in processes that make many records that no cycle holds."""

import gc

YOUNG, MIDDLE, OLD = 10_000, 50, 100


def collect_rarely() -> None:
    """Leave what is loaded so far out of every collection, and look for cycles less often than every 700 objects.

    Records are freed as soon as nobody refers to them. Looking for cycles among them took 6 % of the CPU of a replay of
    90,864 events, 3.7 % of `pagesieve up` and 2.2 % of a worker (`gc.callbacks`, Python 3.11): most of the latter two
    in full collections over the modules, 60 to 90 ms each, during which every page waits. Now it takes less than 1 %.
    A cycle still ends: at the latest when 10,000 objects more were made than freed, which is a few MB.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
