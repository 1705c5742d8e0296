"""What is found on a part that did not pass, and how large it is."""

import numpy as np
import pytest
import simplejpeg

from andon.contracts.inspection import Decision
from andon.inspection.adapters.sight import show
from andon.inspection.domain.judgement import Verdict
from andon.inspection.domain.rule import rule_of
from andon.serving import Prediction
from andon.testing import build


def seen(pixels: np.ndarray):
    station = build.station(mm_per_pixel_x=0.1)
    rule = rule_of(station)
    assert rule is not None
    heatmap = np.zeros((32, 32), np.float32)
    heatmap[16:20, 16:20] = rule.limits.fail_above * 3
    jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels), quality=95)
    [found] = show(Prediction(9.0, heatmap), Verdict(Decision.FAIL, 1.0), rule, jpeg).detections
    return found


def test_a_spot_on_an_even_part_is_measured_in_the_picture():
    pixels = np.full((640, 640, 3), 128, np.uint8)
    pixels[330:370, 330:380] = 250
    found = seen(pixels)
    assert found.area_method == "ring-otsu"
    assert found.area_px == pytest.approx(40 * 50, rel=0.1)
    assert found.area_mm2 == pytest.approx(found.area_px * 0.01)


def test_where_the_surroundings_hide_it_the_heatmap_says_how_large_it_is():
    stripes = np.where(np.arange(640) // 8 % 2, 255, 0).astype(np.uint8)
    found = seen(np.repeat(np.tile(stripes, (640, 1))[:, :, None], 3, axis=2))
    assert found.area_method == "heatmap"
    assert found.area_px == 4 * 20 * 4 * 20
