"""How many examples a test with Hypothesis runs: a part of them by default, all of them with HONGYAN_EXAMPLES=all."""

import os

ALL = os.environ.get("HONGYAN_EXAMPLES") == "all"
DEFAULT = 100  # of a test that says nothing
PART = 8
FEWEST = 6


def examples(most: int) -> int:
    """Of `most` examples those that this run makes."""
    return most if ALL else max(min(most, FEWEST), most // PART)
