"""What the inference runtimes of this inspector are, hold and can do."""

import asyncio
import platform
from dataclasses import dataclass, field
from statistics import fmean, median

from andon.contracts import BadRequest, Conflict, Invalid, NotFound, runtime
from andon.contracts.runtime import Benchmark, LoadedModel, RuntimeStatus
from andon.contracts.station import ModelRef
from andon.inspection.adapters.modelfiles import ModelFiles
from andon.inspection.adapters.workbench import Measured, Workbench
from andon.inspection.store.stations import StationStore
from andon.messaging import Delivery
from andon.serving import ModelHost, Runtime, ServingSettings, runtime_facts, wanted
from andon.telemetry import log

_log = log(__name__)
_AUTO = "AUTO"


@dataclass(eq=False)
class RuntimeDesk:
    """Tells what serves, and lets people try other files beside it."""

    settings: ServingSettings
    host: ModelHost
    stations: StationStore
    files: ModelFiles
    bench: Workbench
    _by_hand: dict[str, LoadedModel] = field(default_factory=dict[str, LoadedModel])

    async def status(self, _: runtime.GetStatus, __: Delivery) -> RuntimeStatus:
        facts = await asyncio.to_thread(runtime_facts)
        serving = await self._serving()
        by = self.settings.served_by
        return RuntimeStatus(
            available=bool(facts.devices),
            enabled=by is Runtime.OPENVINO,
            device=next((each.device for each in serving), "CPU"),
            ort_fallback=by is Runtime.ONNXRUNTIME,
            loaded_models=(*serving, *self._held()),
            available_devices=facts.devices,
            versions=facts.versions,
            host=platform.node(),
        )

    async def load(self, wanted: runtime.LoadModel, _: Delivery) -> LoadedModel:
        """Load a file of the model store into OpenVINO, in the process beside this one."""
        facts = await asyncio.to_thread(runtime_facts)
        if wanted.device not in (*facts.devices, _AUTO):
            there = ", ".join((*facts.devices, _AUTO))
            raise BadRequest(
                f"device: '{wanted.device}' is not here; there are {there}", {"device": "unknown"}
            )
        if any(wanted.model_key in (each.key, each.digest) for each in await self._serving()):
            raise Conflict(
                f"model_key: stations judge by a model '{wanted.model_key}'; take another key",
                {"model_key": "in use"},
            )
        file = await self.files.fetch(wanted.object_key)
        try:
            device = await self.bench.load(wanted.model_key, file.path, wanted.device)
        except Invalid as invalid:
            raise BadRequest(f"model_path: {invalid}", {"model_path": str(invalid)}) from invalid
        loaded = LoadedModel(
            key=wanted.model_key, runtime="openvino", device=device, precision="as-stored", digest=file.sha256
        )
        self._by_hand[wanted.model_key] = loaded
        _log.info("model loaded by hand", key=wanted.model_key, object=wanted.object_key, device=device)
        return loaded

    async def benchmark(self, wanted: runtime.BenchmarkModel, _: Delivery) -> Benchmark:
        """Measure both runtimes on a loaded model; of a station's model, its FP32 file."""
        key = wanted.model_key
        if any(each.key == key for each in self._held()):
            found = await self.bench.measure(wanted.iterations, key=key)
        else:
            ref = await self._ref_of(key)
            file = await self.files.fetch(ref.fp32.key)
            found = await self.bench.measure(wanted.iterations, file=file.path)
        return _benchmark(key, found)

    async def _ref_of(self, key: str) -> ModelRef:
        loaded = {each.digest for each in self.host.loaded()}
        for ref, _ in await self._refs():
            if key in (ref.version_id, ref.digest) and ref.digest in loaded:
                return ref
        there = ", ".join(each.key for each in (*await self._serving(), *self._held())) or "none"
        raise NotFound(f"model_key: '{key}' is not loaded; loaded are: {there}", {"model_key": "not loaded"})

    async def _serving(self) -> list[LoadedModel]:
        """The models that stations judge by and that are in memory."""
        loaded = {each.digest: each for each in self.host.loaded()}
        found: list[LoadedModel] = []
        for ref, stations in await self._refs():
            if held := loaded.get(ref.digest):
                found.append(
                    LoadedModel(
                        key=ref.version_id,
                        runtime=held.runtime,
                        device=held.device,
                        precision=wanted(self.settings, has_int8=ref.int8 is not None),
                        digest=ref.digest,
                        station_ids=tuple(sorted(stations)),
                    )
                )
        return found

    async def _refs(self) -> list[tuple[ModelRef, list[str]]]:
        """The models that recipes name, each with its stations."""
        refs: dict[str, tuple[ModelRef, list[str]]] = {}
        for station in await self.stations.read():
            if station.recipe and station.recipe.model:
                ref = station.recipe.model
                refs.setdefault(ref.digest, (ref, []))[1].append(station.id)
        return list(refs.values())

    def _held(self) -> tuple[LoadedModel, ...]:
        """Models loaded by hand that the process beside this one still holds."""
        return tuple(self._by_hand[key] for key in self.bench.keys if key in self._by_hand)


def _benchmark(key: str, measured: Measured) -> Benchmark:
    ort_mean, ov_mean = fmean(measured.ort_ms), fmean(measured.ov_ms)
    return Benchmark(
        model_key=key,
        ort_mean_ms=round(ort_mean, 4),
        ov_mean_ms=round(ov_mean, 4),
        ort_median_ms=round(median(measured.ort_ms), 4),
        ov_median_ms=round(median(measured.ov_ms), 4),
        speedup=round(ort_mean / ov_mean, 4),
        iterations=len(measured.ort_ms),
        device=measured.device,
        ort_device="CPU",
        threads=measured.threads,
        inputs=measured.inputs,
    )
