"""Answers questions: figures from the counts, worded here or by a model that brings none of its own."""

import asyncio
import json
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from andon.contracts import Invalid, NotFound, Unavailable, question
from andon.contracts.config import Backend, BaseUrl, ModelName, QuerySection
from andon.contracts.inspection import Inspection, ListInspections
from andon.contracts.question import MAX_LENGTH, Answer, Data, Description
from andon.inspection.adapters.keys import KeyBox
from andon.inspection.adapters.snapshot import snapshot
from andon.inspection.adapters.wording import LanguageModels, Model, Words
from andon.inspection.domain.configuration import is_sent_elsewhere
from andon.inspection.domain.questions import Counts, Kind, Place, Reading, answered, holds, read
from andon.inspection.domain.questions.phrasing import without_foreign_numbers
from andon.inspection.domain.rollups import Rollup
from andon.inspection.handlers.records import RecordDesk
from andon.inspection.store.configuration import ConfigurationStore
from andon.inspection.store.stations import StationStore
from andon.messaging import Delivery
from andon.storage import Blobs
from andon.telemetry import log

_log = log(__name__)
_AT_HAND = timedelta(days=8)
"""Counts this young are in memory, all of them."""

_WORDING = (
    "You word answers for people on a factory floor. You get a question and its answer. Say the answer in "
    "one or two plain English sentences. Keep every number, date and time exactly as it is written, in "
    "digits. Add no other number, no cause, no advice, no markup."
)
_DESCRIBING = (
    "You describe the picture of a part on a production line to a quality inspector, in at most four plain "
    "English sentences: what the part looks like, and what looks unlike a good part and where. Use no "
    "numbers and no markup."
)


class QuestionSettings(BaseModel):
    """Who words answers until the configuration says otherwise."""

    enabled: bool = True
    backend: Backend = Backend.LOCAL
    model: ModelName = ""
    base_url: BaseUrl = ""
    """Empty means the backend's own public address."""
    timeout_seconds: Annotated[float, Field(ge=1, le=60)] = 10.0
    api_key: SecretStr = SecretStr("")
    """Sent to this backend and address alone: whoever changes them in the configuration gives a key there."""
    seal: SecretStr = SecretStr("")
    """With it, a key that is set in the configuration is sealed before it is stored."""
    proxy: str | None = None

    @property
    def section(self) -> QuerySection:
        """As the configuration begins."""
        names = ("enabled", "backend", "model", "base_url", "timeout_seconds")
        values = {name: getattr(self, name) for name in names}
        return QuerySection(**values, api_key_set=bool(self.api_key.get_secret_value()))


@dataclass(eq=False)
class QuestionDesk:
    """Never says a number that no query gave."""

    configuration: ConfigurationStore
    stations: StationStore
    records: RecordDesk
    blobs: Blobs
    models: LanguageModels
    keys: KeyBox
    own_key: SecretStr
    threads: Executor

    async def answer(self, wanted: question.AskQuestion, delivery: Delivery) -> Answer:
        """Raises Invalid for what can't be read, and says what can be asked."""
        asked = " ".join(wanted.question.split())
        section = self._enabled()
        if len(wanted.question) > MAX_LENGTH:
            raise Invalid(f"question: at most {MAX_LENGTH} characters", {"question": "too long"})
        places = [Place(each.id, each.name) for each in await self.stations.read()]
        lately = await self.records.counts.read()
        classes = frozenset(name for row in lately for name in row.classes)
        reading = read(asked, places, classes, datetime.now(UTC))
        rows = await self._rows(reading, lately)
        last = await self._last(reading, delivery)
        sentence, data = answered(reading, Counts(rows, places, classes, last))
        text, backend = await self._worded(section, asked, sentence, data)
        return Answer(question=wanted.question, answer=text, backend=backend, data=data)

    async def describe(self, wanted: question.DescribeImage, _: Delivery) -> Description:
        """Raises Unavailable where no model is configured, NotFound for a part without its image."""
        section = self._enabled()
        if section.backend is Backend.LOCAL:
            raise Unavailable("no model that sees is configured: set query.backend, query.model and its key")
        part = await self.records.records.get(wanted.inspection_id)
        if part is None:
            raise NotFound(f"there is no inspection '{wanted.inspection_id}'")
        if part.image is None:
            raise NotFound(f"no image of inspection '{part.id}' is kept")
        data = await self.blobs.get(part.image.key)
        jpeg = await asyncio.get_running_loop().run_in_executor(self.threads, snapshot, data)
        words = Words(_DESCRIBING, _facts(part), jpeg)
        said = await self.models.ask(await self._model(section), words)
        text = without_foreign_numbers(said, [str(part.objects_found)])
        if not text:
            raise Unavailable("the model's description held nothing but figures that no query gave")
        return Description(id=part.id, description=text, backend=section.backend, model=section.model)

    def _enabled(self) -> QuerySection:
        section = self.configuration.now().query
        if not section.enabled:
            raise Unavailable("questions are switched off: set query.enabled in the configuration")
        return section

    async def _rows(self, reading: Reading, lately: list[Rollup]) -> list[Rollup]:
        period = reading.period
        since = period.earlier.since if reading.kind is Kind.TREND else period.since
        if since >= datetime.now(UTC) - _AT_HAND:
            return lately
        return await self.records.counts.between(since, period.until)

    async def _last(self, reading: Reading, delivery: Delivery) -> Inspection | None:
        if reading.kind is not Kind.LAST_PART:
            return None
        wanted = ListInspections(
            station_id=reading.place.id if reading.place else None,
            decision=reading.decision,
            since=reading.period.since,
            until=reading.period.until,
            limit=1,
        )
        found = await self.records.list(wanted, delivery)
        return found.items[0] if found.items else None

    async def _worded(
        self, section: QuerySection, asked: str, sentence: str, data: Data
    ) -> tuple[str, Backend]:
        """The model's words where they hold, else the sentence made here."""
        if section.backend is Backend.LOCAL:
            return sentence, Backend.LOCAL
        told = json.dumps({"question": asked, "answer": sentence})
        try:
            said = await self.models.ask(await self._model(section), Words(_WORDING, told))
        except Unavailable:
            return sentence, Backend.LOCAL
        if not holds(said, sentence, data):
            _log.warning("a model's words did not hold", backend=section.backend, said=said[:300])
            return sentence, Backend.LOCAL
        return said, section.backend

    async def _model(self, section: QuerySection) -> Model:
        kept = self.configuration.api_key()
        if kept:
            key = await self.keys.opened(kept)
        else:
            elsewhere = is_sent_elsewhere(self.configuration.now().chosen)
            key = "" if elsewhere else self.own_key.get_secret_value()
        return Model(section.backend, section.model, section.base_url, key, section.timeout_seconds)


def _facts(part: Inspection) -> str:
    classes = sorted({each.class_name for each in part.detections})
    found = f"Regions marked by the inspection: {', '.join(classes)}." if classes else "Nothing was marked."
    return f"The inspection's decision was: {part.decision.value}. {found}"
