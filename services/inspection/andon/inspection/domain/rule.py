"""What a station judges by, complete and ready to be used."""

from dataclasses import dataclass

from andon.contracts.station import (
    DetectorModel,
    DetectorUse,
    Evidence,
    ModelRef,
    Region,
    Station,
    Thresholds,
)


@dataclass(frozen=True)
class Rule:
    """A recipe that can judge, with what the station knows about its camera."""

    station_id: str
    revision: int
    model: ModelRef
    limits: Thresholds
    region: Region
    evidence: Evidence
    min_area_mm2: float
    mm2_per_pixel: float | None
    """None until the station's mm-per-pixel is known."""
    detector: DetectorUse = DetectorUse.NAMES

    @property
    def decider(self) -> DetectorModel | None:
        """The detector that decides about every part, too; None where none is to, or none has a limit."""
        return (
            self.model.detector if self.detector is DetectorUse.DECIDES and can_decide(self.model) else None
        )


def can_decide(model: ModelRef | None) -> bool:
    """Whether the version has a detector with a limit of its own."""
    return model is not None and model.detector is not None and model.detector.fails_above is not None


def rule_of(station: Station) -> Rule | None:
    """None while the station has no model."""
    recipe = station.recipe
    if recipe is None or recipe.model is None or recipe.thresholds is None:
        return None
    across, down = station.mm_per_pixel_x, station.mm_per_pixel_y or station.mm_per_pixel_x
    return Rule(
        station_id=station.id,
        revision=recipe.revision,
        model=recipe.model,
        limits=recipe.thresholds,
        region=recipe.region,
        evidence=recipe.evidence,
        min_area_mm2=recipe.min_area_mm2,
        mm2_per_pixel=across * down if across and down else None,
        detector=recipe.detector,
    )


def region_of(station: Station) -> Region:
    """The part of the picture that is looked at."""
    return station.recipe.region if station.recipe else Region()
