"""Is the grouping right? `python -m benchmarks.quality` scores pagesieve and simple methods on labelled streams."""
