"""Builders give valid messages and refuse what a message does not have."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.contracts.inspection import Decision
from andon.testing import build, eventually

BUILDERS = [
    build.frame, build.inspection, build.stored_image, build.model_ref, build.thresholds, build.recipe,
    build.station, build.model_version, build.alert,
]  # fmt: skip


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda builder: builder.__name__)
def test_a_built_message_survives_the_wire(builder):
    message = builder()
    assert type(message).model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda builder: builder.__name__)
def test_a_mistyped_field_is_refused(builder):
    with pytest.raises(TypeError, match="no field nonsense"):
        builder(nonsense=1)


@given(st.sampled_from(Decision))
def test_an_inspections_score_fits_its_decision(decision):
    built = build.inspection(decision=decision)
    assert (built.anomaly_score > built.fail_above) == (decision is Decision.FAIL)
    assert (built.anomaly_score <= built.uncertain_above) == (decision is Decision.PASS)


async def test_eventually_returns_what_became_true():
    seen = []

    def third_time():
        seen.append(1)
        return len(seen) if len(seen) == 3 else None

    assert await eventually(third_time) == 3


async def test_eventually_tells_what_it_saw_last():
    with pytest.raises(AssertionError, match="last seen: 0"):
        await eventually(lambda: 0, within=0.05)
