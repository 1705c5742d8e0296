"""What is asked and said about files."""

from andon.contracts._subject import Body, Event, Query
from andon.contracts.sync._chunks import (
    BeginWhole,
    ChunkStored,
    GetStatus,
    PackStored,
    SaveCheckpoint,
    Status,
    StoreChunk,
    StorePack,
    WholeBegun,
)
from andon.contracts.sync._experiments import (
    Experiment,
    Experiments,
    Finish,
    Finished,
    ListExperiments,
    Register,
)
from andon.contracts.sync._files import FileChanged, Locate, Located

STORE = Query(
    "sync.chunk.store.v1",
    StoreChunk,
    "Keep a piece of a file.",
    said_by=("gateway",),
    heard_by=("sync",),
    body=Body.BINARY,
    reply=ChunkStored,
)


PACK = Query(
    "sync.pack.store.v1",
    StorePack,
    "Keep many small files at once.",
    said_by=("gateway",),
    heard_by=("sync",),
    body=Body.BINARY,
    reply=PackStored,
)


BEGIN = Query(
    "sync.file.begin.v1",
    BeginWhole,
    "Replace a file; learn which of its blocks to send.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=WholeBegun,
)


STATUS = Query(
    "sync.status.get.v1",
    GetStatus,
    "Learn how far files are, for example after an outage.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Status,
)


LOCATE = Query(
    "sync.file.locate.v1",
    Locate,
    "Find the bytes of a file, also while it grows.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Located,
)


REGISTER = Query(
    "sync.experiment.register.v1",
    Register,
    "Make an experiment known.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Experiment,
)


LIST = Query(
    "sync.experiment.list.v1",
    ListExperiments,
    "Read which experiments are synced, and how far they are.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Experiments,
)


CHECKPOINT = Query(
    "sync.experiment.checkpoint.v1",
    SaveCheckpoint,
    "Note what a job has reached.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Experiment,
)


FINISH = Query(
    "sync.experiment.finish.v1",
    Finish,
    "Find out whether all that the worker has is kept.",
    said_by=("gateway",),
    heard_by=("sync",),
    reply=Finished,
)


FILE_CHANGED = Event(
    "sync.file.changed.v1",
    FileChanged,
    "A file of an experiment has grown or was replaced.",
    said_by=("sync",),
    heard_by=("gateway",),
)


EXPERIMENT_CHANGED = Event(
    "sync.experiment.changed.v1",
    Experiment,
    "An experiment's sync has another status.",
    said_by=("sync",),
    heard_by=("gateway",),
)
