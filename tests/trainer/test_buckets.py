"""Which shapes batches of requests are padded to."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.buckets import MOST_BUCKETS, Bucket, Plan, Sizes, fill, plan_buckets


def _sizes(candidates: list[int], lengths: list[int], record_bytes: float = 1000.0) -> Sizes:
    return Sizes(np.array(candidates, np.int64), np.array(lengths, np.int64), record_bytes)


def test_requests_of_two_sizes_have_two_buckets_and_no_padding() -> None:
    sizes = _sizes([2] * 60 + [5] * 24, [7] * 60 + [3] * 24)
    plan = plan_buckets(sizes, batch_size=60, most=2)
    assert plan.buckets == (Bucket(30, 2, 7), Bucket(12, 5, 3))
    assert plan.padding(sizes) == 0
    assert plan.batches(sizes).tolist() == [2, 2]


def test_with_one_bucket_all_are_padded_to_the_largest_of_either_side() -> None:
    sizes = _sizes([1, 2, 3, 2], [4, 0, 1, 3])
    plan = plan_buckets(sizes, batch_size=8, most=1)
    assert plan.buckets == (Bucket(4, 3, 4),)  # 4 requests have 8 candidates
    assert plan.padding(sizes) == 1 - (8 + 8) / (4 * 7)


@pytest.mark.parametrize("seed", range(4))
def test_all_requests_fit_and_few_cells_are_padding(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = _sizes(
        rng.geometric(0.3, 5000).tolist(), np.minimum(rng.geometric(0.02, 5000), 100).tolist()
    )
    plan = plan_buckets(sizes, batch_size=64)
    assert 1 < len(plan.buckets) <= MOST_BUCKETS
    buckets = np.array(plan.buckets)[plan.place(sizes)]
    assert (sizes.candidates <= buckets[:, 1]).all() and (sizes.lengths <= buckets[:, 2]).all()
    assert plan.padding(sizes) < 0.2 < plan_buckets(sizes, 64, most=2).padding(sizes)
    steps = plan.batches(sizes).sum()
    assert (
        sizes.candidates.sum() / 64 < steps < 1.2 * sizes.candidates.sum() / 64
    )  # a batch has its candidates


def test_records_are_sorted_by_so_many_bytes_at_once() -> None:
    sizes = _sizes([1] * 10, [1] * 10, record_bytes=2**20)
    assert plan_buckets(sizes, 4).chunk == 64
    plan = Plan((Bucket(4, 1, 1),), chunk=5)
    assert plan.batches(sizes).tolist() == [4]  # of 4, 1, 4 and 1


def test_what_makes_no_whole_batch_goes_to_a_bucket_that_is_as_large() -> None:
    buckets = (Bucket(4, 1, 1), Bucket(4, 1, 3), Bucket(2, 2, 2), Bucket(2, 2, 3))
    assert [tuple(filled) for filled in fill(buckets, [5, 4, 3, 1])] == [
        (4, 1, 0),  # the fifth goes to the next bucket,
        (4, 1, 1),  # whose last goes to the last, for the histories of the next are shorter
        (2, 1, 0),
        (3, 2, 0),
    ]
    assert [tuple(filled) for filled in fill(buckets, [0, 0, 0, 0])] == [(0, 0, 0)] * 4
    assert [tuple(filled) for filled in fill(buckets[:1], [5])] == [(5, 2, 0)]


def test_a_request_without_candidates_or_behaviours_fits() -> None:
    sizes = _sizes([0, 0], [0, 0])
    assert plan_buckets(sizes, 4).buckets[0][1:] == (1, 1)


def test_workers_share_a_bucket_s_requests() -> None:
    assert Bucket(9, 2, 7).share(2) == Bucket(4, 2, 7)
    assert Bucket(1, 2, 7).share(2) == Bucket(1, 2, 7)
