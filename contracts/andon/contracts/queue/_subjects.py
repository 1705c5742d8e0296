"""The addresses of the queue: jobs, their workers, and what they are told."""

from andon.contracts._subject import INTEGRATIONS, Event, Query
from andon.contracts.queue import _control as control
from andon.contracts.queue import _device as device
from andon.contracts.queue import _job as job
from andon.contracts.queue import _record as record
from andon.contracts.queue import _settings as settings
from andon.contracts.queue import _work as work

_ASKERS = ("gateway", INTEGRATIONS)
_RUNNERS = (*_ASKERS, "training")
_ENGINE = ("queue",)

SUBMIT = Query("queue.job.submit.v1", job.NewJob, "Have something run.", _RUNNERS, _ENGINE, reply=job.Job)
SUBMIT_MANY = Query(
    "queue.job.submit-many.v1",
    control.SubmitMany,
    "Have several things run, in one round trip.",
    _ASKERS,
    _ENGINE,
    reply=control.SubmittedMany,
)
GET = Query("queue.job.get.v1", control.GetJob, "Read a job.", _RUNNERS, _ENGINE, reply=job.Job)
LIST = Query("queue.job.list.v1", control.ListJobs, "Read jobs.", _ASKERS, _ENGINE, reply=control.Jobs)
HISTORY = Query(
    "queue.job.history.v1",
    control.GetJob,
    "Read what was tried for a job.",
    _ASKERS,
    _ENGINE,
    reply=control.JobHistory,
)
RECORD = Query(
    "queue.job.record.v1",
    record.GetRecord,
    "Read what a job was made of.",
    _ASKERS,
    _ENGINE,
    reply=record.JobRecord,
)
REPEAT = Query(
    "queue.job.repeat.v1", record.RepeatJob, "Run it again.", _ASKERS, _ENGINE, reply=record.Repeated
)
CANCEL = Query("queue.job.cancel.v1", control.CancelJob, "End a job.", _RUNNERS, _ENGINE, reply=job.Job)
PAUSE = Query("queue.job.pause.v1", control.PauseJob, "Hold a job.", _ASKERS, _ENGINE, reply=job.Job)
RESUME = Query("queue.job.resume.v1", control.ResumeJob, "Let it go on.", _ASKERS, _ENGINE, reply=job.Job)
PRIORITISE = Query(
    "queue.job.prioritise.v1", control.PrioritiseJob, "Change its turn.", _ASKERS, _ENGINE, reply=job.Job
)
EDIT = Query("queue.job.edit.v1", control.EditJob, "Change what it says.", _ASKERS, _ENGINE, reply=job.Job)
MOVE = Query(
    "queue.job.move.v1", control.MoveJob, "Lead it to a status by hand.", _ASKERS, _ENGINE, reply=job.Job
)
DELETE = Query(
    "queue.job.delete.v1", control.DeleteJob, "Take it out of the lists.", _ASKERS, _ENGINE, reply=job.Job
)
CLEAN = Query(
    "queue.job.clean.v1", control.CleanJobs, "Delete what is old.", _ASKERS, _ENGINE, reply=control.Cleaned
)
LEASE = Query(
    "queue.job.lease.v1", work.LeaseJobs, "Get work for a device.", _ASKERS, _ENGINE, reply=work.Leased
)
REPORT = Query(
    "queue.job.report.v1", work.Report, "Say how a job goes.", _ASKERS, _ENGINE, reply=work.Reported
)
REPORT_MANY = Query(
    "queue.job.report-many.v1",
    work.ReportMany,
    "Say how several jobs go, in one round trip.",
    _ASKERS,
    _ENGINE,
    reply=work.ReportedMany,
)
STATISTICS = Query(
    "queue.statistics.get.v1",
    settings.GetStatistics,
    "Read figures over jobs and devices.",
    _ASKERS,
    _ENGINE,
    reply=settings.QueueStatistics,
)
SETTINGS_GET = Query(
    "queue.settings.get.v1",
    settings.GetSettings,
    "Read how devices are shared out.",
    _ASKERS,
    _ENGINE,
    reply=settings.QueueSettings,
)
SETTINGS_PUT = Query(
    "queue.settings.put.v1",
    settings.PutSettings,
    "Change how devices are shared out.",
    _ASKERS,
    _ENGINE,
    reply=settings.QueueSettings,
)
QUEUE_LIST = Query(
    "queue.queue.list.v1", settings.ListQueues, "Read queues.", _ASKERS, _ENGINE, reply=settings.Queues
)
QUEUE_PUT = Query(
    "queue.queue.put.v1", settings.PutQueue, "Define a queue.", _ASKERS, _ENGINE, reply=settings.Queue
)
QUEUE_DELETE = Query(
    "queue.queue.delete.v1", settings.DeleteQueue, "Drop a queue.", _ASKERS, _ENGINE, reply=settings.Deleted
)
SCHEDULE_LIST = Query(
    "queue.schedule.list.v1",
    settings.ListSchedules,
    "Read what is submitted by the clock.",
    _ASKERS,
    _ENGINE,
    reply=settings.Schedules,
)
SCHEDULE_PUT = Query(
    "queue.schedule.put.v1",
    settings.PutSchedule,
    "Have something submitted by the clock.",
    _ASKERS,
    _ENGINE,
    reply=settings.Schedule,
)
SCHEDULE_DELETE = Query(
    "queue.schedule.delete.v1",
    settings.DeleteSchedule,
    "Submit it no more.",
    _ASKERS,
    _ENGINE,
    reply=settings.Deleted,
)
HEARTBEAT = Query(
    "queue.device.heartbeat.v1",
    device.DeviceHeartbeat,
    "A device lives, and keeps what it holds.",
    _ASKERS,
    _ENGINE,
    reply=device.HeartbeatAnswer,
)
DEVICE_GET = Query(
    "queue.device.get.v1", device.GetDevice, "Read a device.", _ASKERS, _ENGINE, reply=device.Device
)
DEVICE_LIST = Query(
    "queue.device.list.v1", device.ListDevices, "Read devices.", _RUNNERS, _ENGINE, reply=device.Devices
)
DEVICE_DELETE = Query(
    "queue.device.delete.v1",
    device.DeleteDevice,
    "Forget a device that is gone.",
    _ASKERS,
    _ENGINE,
    reply=settings.Deleted,
)

JOB_CHANGED = Event(
    "queue.job.changed.v1",
    control.JobChanged,
    "A job came to a new status, or something was asked of it.",
    said_by=_ENGINE,
    heard_by=("queue", "gateway", "alerting", "training", INTEGRATIONS),
)
JOB_PROGRESSED = Event(
    "queue.job.progressed.v1",
    work.JobProgressed,
    "How far a running job is.",
    said_by=_ENGINE,
    heard_by=("gateway", "training", INTEGRATIONS),
)
JOB_SIGNALLED = Event(
    "queue.job.signalled.v1",
    control.JobSignalled,
    "A device must stop, pause or resume a job now.",
    said_by=_ENGINE,
    heard_by=("gateway", INTEGRATIONS),
)
JOB_DELETED = Event(
    "queue.job.deleted.v1",
    control.JobDeleted,
    "A job is in no list any more.",
    said_by=_ENGINE,
    heard_by=("queue", "gateway"),
)
DEVICE_CHANGED = Event(
    "queue.device.changed.v1",
    device.Device,
    "A device came, said something new of itself, or went silent.",
    said_by=_ENGINE,
    heard_by=("queue", "gateway", "alerting"),
)
DEVICE_DELETED = Event(
    "queue.device.deleted.v1",
    device.DeviceDeleted,
    "A device was forgotten.",
    said_by=_ENGINE,
    heard_by=("gateway", "alerting"),
)
