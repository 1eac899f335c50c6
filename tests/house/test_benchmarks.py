"""Benchmarks measure what they say: the smallest run of one that needs no Kafka ends with everything in the journal."""

import pytest

from benchmarks.accepting import accepted_per_second


@pytest.mark.store
async def test_what_the_benchmark_of_the_door_counts_is_in_the_journal() -> None:
    assert await accepted_per_second(400) > 0
