"""Every metric of Andon, each with a line of meaning; names and labels are not made anywhere else."""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics

disable_created_metrics()

_FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SLOW = (1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0, 1800.0)

PARTS_JUDGED = Counter("andon_parts_judged", "Parts that got a decision.", ("decision", "station"))
FRAMES_REFUSED = Counter(
    "andon_frames_refused", "Frames that could not be judged, by the reason's code.", ("code",)
)
DECODE_SECONDS = Histogram(
    "andon_decode_seconds", "Turning an encoded image into pixels, for one frame.", buckets=_FAST
)
INFERENCE_SECONDS = Histogram(
    "andon_inference_seconds", "Wait for the batch and inference together, for one frame.", buckets=_FAST
)
TOTAL_SECONDS = Histogram(
    "andon_part_seconds", "From a frame's arrival at the inspector to its decision.", buckets=_FAST
)
BATCH_SIZE = Histogram("andon_batch_frames", "Frames inferred together.", buckets=(1, 2, 4, 8, 16, 32))
EVIDENCE_SECONDS = Histogram(
    "andon_evidence_seconds", "Writing one part's images and record to their stores.", buckets=_FAST
)
MODEL_SWAPS = Counter("andon_model_swaps", "Times a station's model was changed while running.", ("outcome",))

BUS_MESSAGES = Counter(
    "andon_bus_messages",
    "Messages by subject and outcome: said, done, retried, waited, parked, answered, refused.",
    ("subject", "outcome"),
)
BUS_PARKED = Counter("andon_bus_parked", "Messages moved to the dead letters.", ("subject",))

STORE_FAILURES = Counter(
    "andon_store_failures", "Calls that found a store away; store is mongo or s3.", ("store",)
)

HTTP_SECONDS = Histogram(
    "andon_http_request_seconds",
    "HTTP requests by route template and status.",
    ("method", "route", "status"),
    buckets=_FAST,
)
LIVE_CLIENTS = Gauge("andon_live_clients", "Dashboards connected now; kind is ws or sse.", ("kind",))
CLIENTS_SHED = Counter(
    "andon_live_clients_shed", "Dashboards that were cut off because they read too slowly.", ("kind",)
)
LOGINS = Counter("andon_logins", "Sign-ins by outcome: opened, refused, refreshed, reused.", ("outcome",))

FIT_SECONDS = Histogram(
    "andon_fit_seconds", "Fitting one model, from its images to a version.", ("outcome",), buckets=_SLOW
)
OPCUA_CLIENTS = Gauge("andon_opcua_clients", "OPC UA sessions open now.")
OPCUA_NOTIFICATIONS = Counter("andon_opcua_notifications", "Values written to OPC UA nodes.")
ALERTS_OPEN = Gauge("andon_alerts_open", "Alerts nobody has resolved yet.", ("severity",))
