"""Questions in English, read as one of a few typed queries, and answered from the counts per hour."""

from andon.inspection.domain.questions.answers import Counts, answered
from andon.inspection.domain.questions.periods import Period, period_in
from andon.inspection.domain.questions.phrasing import holds
from andon.inspection.domain.questions.places import Place
from andon.inspection.domain.questions.reading import Kind, Reading, read

__all__ = ["Counts", "Kind", "Period", "Place", "Reading", "answered", "holds", "period_in", "read"]
