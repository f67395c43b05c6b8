"""Numbers that stand in the index's tables and mean something."""

SCORE_SCALE = 10_000
"""A score of 1; scores are kept as whole numbers of ten-thousandths, which take two bytes."""

SCORE_BITS = 14
"""A score takes so many."""

OWNER = 0
"""The number of the owner among the sources; all others are models."""
