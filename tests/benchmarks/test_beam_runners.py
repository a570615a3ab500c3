"""Components are said to take what they took, in as many stages as Beam makes of their jobs."""

from __future__ import annotations

import time

import apache_beam as beam
import pytest

from benchmarks.beam_runners import Meter, stages_counted


def _spend(cpu_seconds: float) -> None:
    end = time.process_time() + cpu_seconds
    while time.process_time() < end:
        pass


@pytest.mark.slow
def test_a_component_s_jobs_are_counted_and_its_clocks_can_stop() -> None:
    meter = Meter()
    with stages_counted(meter):
        for component, groups in (("One", 1), ("Two", 2)):
            meter.started(component)
            meter.ran()
            with beam.Pipeline("FnApiRunner", argv=[]) as pipeline:
                rows = pipeline | beam.Create([("a", 1), ("a", 2)], reshuffle=False)
                for number in range(groups):
                    rows |= f"Group{number}" >> beam.GroupByKey()
            _spend(0.2)
            meter.ended(component, has_output=True)
    one, two = meter.found["One"], meter.found["Two"]
    assert one["stages"] == 2  # up to the grouping, and from there on
    assert two["stages"] == 3
    assert min(one["cpu_seconds"], two["cpu_seconds"], one["seconds"]) >= 0.2
    began = time.monotonic()
    meter.started("Stopped")
    meter.ran()
    meter.stages = 1
    with meter.stopped():
        _spend(1.0)
    meter.ended("Stopped", has_output=True)
    assert meter.found["Stopped"]["cpu_seconds"] < 0.5
    assert meter.found["Stopped"]["seconds"] < time.monotonic() - began - 0.9


def test_what_is_in_the_cache_or_has_no_job_is_left_out() -> None:
    meter = Meter()
    meter.started("Cached")
    meter.stages = 1
    meter.ended("Cached", has_output=True)
    meter.started("NoJob")
    meter.ran()
    meter.ended("NoJob", has_output=True)
    assert not meter.found
