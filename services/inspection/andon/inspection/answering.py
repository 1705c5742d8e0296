"""Ties what is answered beside judging to the bus: the configuration, questions in words, the runtimes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from andon.contracts import config, question, runtime
from andon.inspection.adapters.keys import KeyBox
from andon.inspection.adapters.modelfiles import ModelFiles
from andon.inspection.adapters.wording import LanguageModels
from andon.inspection.adapters.workbench import Workbench
from andon.inspection.handlers.batch_run import BatchSettings
from andon.inspection.handlers.configuration import ConfigurationDesk
from andon.inspection.handlers.frames import Inspector
from andon.inspection.handlers.questions import QuestionDesk, QuestionSettings
from andon.inspection.handlers.records import RecordDesk
from andon.inspection.handlers.retention import RetentionSettings
from andon.inspection.handlers.runtimes import RuntimeDesk
from andon.inspection.store.configuration import ConfigurationStore
from andon.messaging import Service
from andon.serving import ServingSettings


def defaults(kept: RetentionSettings, batch: BatchSettings, questions: QuestionSettings) -> config.Values:
    """What holds until somebody changes the configuration."""
    return config.Values(
        inspection=config.InspectionSection(
            image_retention_days=kept.days,
            record_retention_days=kept.record_days,
            max_gb=kept.max_gb,
            hold_failed=kept.hold_failed,
        ),
        batch=config.BatchSection(max_concurrent=batch.concurrent),
        query=questions.section,
    )


@dataclass(frozen=True)
class Answering:
    """Holds what these answers need beside the service's own parts, and lets it go at the end."""

    keep_up: Callable[[], Awaitable[None]]
    """Background task."""
    models: LanguageModels
    bench: Workbench

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None:
        await self.bench.close()
        await self.models.close()


@dataclass(frozen=True)
class Beside:
    """The service's own parts."""

    bus: Service
    inspector: Inspector
    records: RecordDesk
    configuration: ConfigurationStore
    folder: Path
    """For copies of models on this machine."""


def answering(tools: Beside, questions: QuestionSettings, serving: ServingSettings) -> Answering:
    """Nothing is connected yet."""
    bus, keys = tools.bus, KeyBox(questions.seal)
    configuring = ConfigurationDesk(tools.configuration, keys, bus)
    bus.answers(config.GET, configuring.get)
    bus.answers(config.CHANGE, configuring.change)
    bus.answers(config.HISTORY, configuring.history)
    models = _questions(tools, questions, keys)
    return Answering(configuring.keep_up, models, _runtimes(tools, serving))


def _questions(tools: Beside, settings: QuestionSettings, keys: KeyBox) -> LanguageModels:
    models = LanguageModels(settings.proxy)
    inspector = tools.inspector
    desk = QuestionDesk(
        configuration=tools.configuration,
        stations=inspector.stations,
        records=tools.records,
        blobs=inspector.evidence.blobs,
        models=models,
        keys=keys,
        own_key=settings.api_key,
        threads=inspector.threads,
    )
    tools.bus.answers(question.ANSWER, desk.answer)
    tools.bus.answers(question.DESCRIBE, desk.describe, workers=4)
    return models


def _runtimes(tools: Beside, settings: ServingSettings) -> Workbench:
    bench = Workbench(settings.keep_models)
    shelf = tools.inspector.opinions.models
    files = ModelFiles(shelf.blobs, tools.folder)
    desk = RuntimeDesk(settings, shelf.host, tools.inspector.stations, files, bench)
    tools.bus.answers(runtime.STATUS, desk.status)
    tools.bus.answers(runtime.LOAD, desk.load, workers=4)
    tools.bus.answers(runtime.BENCHMARK, desk.benchmark, workers=4)
    return bench
