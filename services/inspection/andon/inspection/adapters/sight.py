"""The work of looking: what needs a core and no waiting, done beside the event loop."""

from dataclasses import dataclass

from andon.contracts.inspection import Decision, Detection
from andon.contracts.station import Region
from andon.inspection.adapters import picture
from andon.inspection.adapters.picture import Drawing
from andon.inspection.domain.judgement import Verdict, p_value, with_defects
from andon.inspection.domain.rule import Rule
from andon.serving import (
    Decoded,
    Detected,
    Detector,
    Prediction,
    RegionClassifier,
    Spot,
    apart,
    decode,
    decode_full,
    distinct,
    look,
    spots,
)

Pixels = picture.Pixels

ANOMALY = "anomaly"
"""The class of a region that a model of good parts alone points at."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A frame made ready for the model."""

    decoded: Decoded
    pixels: Pixels
    """uint8 [256, 256, 3] RGB of the recipe's region."""
    brightness: float
    """Mean of them, 0 to 255."""


@dataclass(frozen=True, eq=False)
class Seen:
    """What was made of a frame."""

    score: float
    verdict: Verdict
    detections: tuple[Detection, ...] = ()
    drawing: Drawing | None = None
    """None of a passed part: there is nothing to draw over it."""


@dataclass(frozen=True)
class Experts:
    """What a model knows of defects beside what is good; each may be missing."""

    classifier: RegionClassifier | None = None
    detector: Detector | None = None


def read(data: bytes, region: Region) -> Scene:
    """Decode no more than the model looks at. Raises like `andon.serving.decode`."""
    decoded = decode(data, region=region)
    pixels = look(decoded.pixels, region)
    return Scene(decoded, pixels, round(float(pixels.mean()), 3))


def show(
    prediction: Prediction,
    verdict: Verdict,
    rule: Rule,
    data: bytes,
    experts: Experts = Experts(),
) -> Seen:
    """Find, measure, name and draw what is wrong with a part that did not pass.

    One that would have passed passes still, with nothing found, unless its detector decides and finds it bad.
    """
    decoded = decode_full(data)
    known = _known(prediction, decoded, rule, experts.detector)
    counted = _large(known, rule)
    verdict = _weighed(verdict, counted, rule)
    if verdict.decision is Decision.PASS:
        return Seen(prediction.score, verdict)
    others = _detections(prediction, decoded, rule, known)
    found = counted + _named(_large(others, rule), decoded, rule, experts.classifier)
    low, high = rule.limits.uncertain_above, rule.limits.fail_above
    glowing = picture.glow(decoded.pixels, prediction.heatmap, (low, 2 * high - low), rule.region)
    drawing = picture.framed(glowing, found, (decoded.width, decoded.height))
    return Seen(prediction.score, verdict, found, drawing)


def weigh(
    prediction: Prediction, verdict: Verdict, rule: Rule, data: bytes, detector: Detector | None
) -> Verdict:
    """What `show` would say in the end, without the picture: of a version that only watches."""
    if verdict.decision is Decision.FAIL:
        return verdict
    return _weighed(verdict, _large(_known(prediction, decode_full(data), rule, detector), rule), rule)


def _weighed(verdict: Verdict, counted: tuple[Detection, ...], rule: Rule) -> Verdict:
    return with_defects(verdict, (each.confidence for each in counted), rule.decider)


def _known(
    prediction: Prediction, decoded: Decoded, rule: Rule, detector: Detector | None
) -> tuple[Detection, ...]:
    """Defects like those that people outlined, the surest first."""
    if detector is None or rule.model.detector is None:
        return ()
    least = rule.model.detector.sure_above
    every = distinct(detector.find(decoded.pixels, rule.region, least, outlines=True))
    return tuple(_like_outlined(one, prediction, decoded, rule) for one in every)


def _like_outlined(one: Detected, prediction: Prediction, decoded: Decoded, rule: Rule) -> Detection:
    x1, y1, x2, y2 = one.box
    if one.outlined is not None:
        pixels, method = one.outlined.area, picture.MASK
    else:
        pixels = picture.area(decoded.pixels, one.box)
        method = picture.RING_OTSU if pixels else picture.BOX
        pixels = pixels or (x2 - x1) * (y2 - y1)
    peak = picture.peak(prediction.heatmap, one.box, (decoded.width, decoded.height), rule.region)
    return Detection(
        class_name=one.class_name,
        confidence=one.score,
        class_confidence=one.score,
        bbox=one.box,
        area_mm2=None if rule.mm2_per_pixel is None else round(pixels * rule.mm2_per_pixel, 4),
        area_px=pixels,
        area_method=method,
        peak_score=peak,
        outline=one.outlined.polygons if one.outlined else (),
    )


def _detections(
    prediction: Prediction, decoded: Decoded, rule: Rule, known: tuple[Detection, ...]
) -> tuple[Detection, ...]:
    """What else stands out."""
    size = (decoded.width, decoded.height)
    standing_out = spots(prediction.heatmap, rule.limits.uncertain_above, size, rule.region)
    return tuple(_detection(spot, decoded, rule) for spot in apart(standing_out, [one.bbox for one in known]))


def _large(found: tuple[Detection, ...], rule: Rule) -> tuple[Detection, ...]:
    return tuple(one for one in found if one.area_mm2 is None or one.area_mm2 >= rule.min_area_mm2)


def _detection(spot: Spot, decoded: Decoded, rule: Rule) -> Detection:
    # A surrounding as lively as a hole or an edge hides what differs: then the heatmap alone tells.
    pixels = picture.area(decoded.pixels, spot.box)
    method = picture.RING_OTSU if pixels else picture.HEATMAP
    pixels = pixels or spot.area
    return Detection(
        class_name=ANOMALY,
        confidence=1 - p_value(spot.peak, rule.limits.calibration),
        bbox=spot.box,
        area_mm2=None if rule.mm2_per_pixel is None else round(pixels * rule.mm2_per_pixel, 4),
        area_px=pixels,
        area_method=method,
        peak_score=spot.peak,
    )


def _named(
    found: tuple[Detection, ...], decoded: Decoded, rule: Rule, classifier: RegionClassifier | None
) -> tuple[Detection, ...]:
    """With the classes that the model is sure of; the others stay what they are."""
    if classifier is None or rule.model.regions is None or not found:
        return found
    sure = rule.model.regions.sure_above
    names = classifier.name(decoded.pixels, [each.bbox for each in found])
    return tuple(
        each.model_copy(update={"class_name": name.class_name, "class_confidence": name.probability})
        if name.probability >= sure
        else each
        for each, name in zip(found, names, strict=True)
    )
