"""A run as a job of the queue."""

from andon.contracts.learning import Run
from andon.contracts.queue import Input, NewJob, Output, Requirements, Spec
from andon.training.domain.lessons import DETECTOR, EVALUATION, REGIONS, REPORT, RESULT
from andon.training.learning.packing import ORDER, Archive
from andon.training.learning.placing import labels_for

_HOURS = 4


def job_of(run: Run, archive: Archive, gpus: int = 0) -> NewJob:
    """The same run is the same job, however often it is submitted."""
    files = {
        "order": ORDER, "result": RESULT, "model": "model.*.onnx", "regions": REGIONS,
        "detector": DETECTOR, "evaluation": EVALUATION, "report": REPORT,
    }  # fmt: skip
    lesson = Input(name=run.id, source=archive.key, sha256=archive.sha256, mount_path=".", kind="snapshot")
    return NewJob(
        idempotency_key=run.id,
        name=run.name or run.id,
        project="training",
        kind="training",
        user=run.requested_by,
        requirements=Requirements(labels=labels_for(run.kind, run.parameters.trainer), gpu=gpus),
        spec=Spec(
            command=("andon", "train", "."),
            inputs=(lesson,),
            outputs=tuple(
                Output(name=name, path=path, required=name in ("order", "result"))
                for name, path in files.items()
            ),
        ),
        parameters=run.parameters.model_dump(mode="json"),
        metadata={"run": run.id, "station": run.station_id},
        max_retries=1,
        timeout_seconds=_HOURS * 3600,
    )
