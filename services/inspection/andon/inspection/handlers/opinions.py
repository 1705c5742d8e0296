"""Asks models about a part, so that one on trial never costs a part or makes it late."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from andon.contracts import Refused
from andon.inspection.adapters.models import ModelShelf, NoModel
from andon.inspection.adapters.sight import Pixels
from andon.inspection.domain.judgement import Verdict, judge
from andon.inspection.domain.rule import Rule
from andon.inspection.domain.trials import Opinion, Plan
from andon.serving import Prediction

T = TypeVar("T")
Weigh = Callable[[Prediction, Verdict, Rule], Awaitable[Verdict]]
"""Says what a detector makes of a part's verdict."""


@dataclass(frozen=True)
class Answer:
    """What a model said about a part, and which it was."""

    rule: Rule
    prediction: Prediction
    error: str | None = None
    """Why the model that was to judge gave no answer."""


@dataclass(frozen=True)
class Opinions:
    """Asks the models of a plan."""

    models: ModelShelf
    seconds: float
    """A model on trial has so long to answer."""

    async def ready(self, plan: Plan) -> None:
        """Raises what keeps the model that can't be replaced from judging."""
        await self.models.of((plan.instead or plan.judge).model)

    async def answer(self, plan: Plan, pixels: Pixels) -> Answer:
        """By the judge of the plan, or by whoever steps in. Raises what the last one asked raises."""
        if plan.instead is None:
            return Answer(plan.judge, await self._ask(plan.judge, pixels))
        try:
            return Answer(plan.judge, await self._soon(self._ask(plan.judge, pixels)))
        except (Refused, TimeoutError) as error:
            reason = _reason(error, self.seconds)
        return Answer(plan.instead, await self._ask(plan.instead, pixels), reason)

    async def silent(self, rule: Rule, pixels: Pixels, weigh: Weigh) -> Opinion:
        """What it would say, its detector weighed in where that is to decide; never raises."""
        try:
            return await self._soon(self._opinion(rule, pixels, weigh))
        except (Refused, TimeoutError) as error:
            return Opinion(error=_reason(error, self.seconds))

    async def _opinion(self, rule: Rule, pixels: Pixels, weigh: Weigh) -> Opinion:
        began = time.perf_counter()
        prediction = await self._ask(rule, pixels)
        taken = round((time.perf_counter() - began) * 1e3, 3)
        verdict = judge(prediction.score, rule.limits)
        if rule.decider is not None:
            verdict = await weigh(prediction, verdict, rule)
        return Opinion(prediction.score, verdict, taken)

    async def _ask(self, rule: Rule, pixels: Pixels) -> Prediction:
        model = await self.models.of(rule.model)
        if rule.decider is not None:
            await self.models.detector(rule.model)  # without it, whoever steps in has to
        prediction = await model.predict(pixels)
        # What is not a number would pass: no comparison with a limit holds for it.
        if not math.isfinite(prediction.score) or not np.isfinite(prediction.heatmap).all():
            raise NoModel(f"model '{rule.model.name}' answers with something that is not a number")
        return prediction

    async def _soon(self, asked: Awaitable[T]) -> T:
        async with asyncio.timeout(self.seconds):
            return await asked


def _reason(error: Refused | TimeoutError, seconds: float) -> str:
    return str(error) if isinstance(error, Refused) else f"no answer within {seconds:g} s"
