// What can be heard, by its address on the bus, and what each says.

import type { Schemas } from "@/api/client";

export interface Events {
  "inspection.part.judged.v1": Schemas["InspectionView"];
  "inspection.frame.refused.v1": Schemas["FrameRefused"];
  "inspection.record.deleted.v1": { id: string; station_id?: string };
  "inspection.evidence.removed.v1": Record<string, unknown>;
  "station.definition.changed.v1": Schemas["StationView"];
  "alerting.alert.opened.v1": Schemas["AlertView"];
  "alerting.alert.acknowledged.v1": Schemas["AlertView"];
  "alerting.alert.resolved.v1": Schemas["AlertView"];
  "alerting.alert.changed.v1": Schemas["AlertView"];
  "alerting.rule.changed.v1": { id: string; by: string; rule: Schemas["AlertRule"] | null };
  "alerting.silence.changed.v1": Schemas["Silence"];
  "alerting.channel.changed.v1": { id: string; by: string; gone: boolean };
  "config.document.changed.v1": { revision: number };
  "fieldbus.status.changed.v1": Schemas["FieldbusStatus"];
  "opcua.client.changed.v1": { group: string; sessions: number };
  "opcua.certificate.changed.v1": { group: string; trusted: number; rejected: number };
  "gateway.health.changed.v1": Schemas["PartsView"];
  "batch.job.progressed.v1": Schemas["andon__gateway__visual_inspection__batch_views__JobView"];
  "dataset.version.built.v1": Record<string, unknown>;
  "dataset.version.approved.v1": Record<string, unknown>;
  "review.item.queued.v1": Schemas["ItemView"];
  "review.annotation.made.v1": Record<string, unknown>;
  "training.fit.progressed.v1": Record<string, unknown>;
  "learning.run.changed.v1": Schemas["andon__gateway__visual_inspection__training__RunView"];
  "training.model.fitted.v1": Schemas["ModelView"];
  "training.model.deployed.v1": Record<string, unknown>;
  "rollout.trial.changed.v1": Record<string, unknown>;
  "rollout.version.rolled-back.v1": Record<string, unknown>;
  "rollout.version.deleted.v1": Record<string, unknown>;
  "rollout.drift.started.v1": Record<string, unknown>;
  "rollout.drift.ended.v1": Record<string, unknown>;
  "queue.job.changed.v1": JobChanged;
  "queue.job.progressed.v1": JobProgressed;
  "queue.job.deleted.v1": { id: string };
  "queue.device.changed.v1": Schemas["Device"];
  "queue.device.deleted.v1": { id: string };
  "component.version.published.v1": { path: string };
  "component.version.activated.v1": { path: string };
  "sync.file.changed.v1": { uid: string; path: string; generation: number; size: number; at: string };
  "sync.experiment.changed.v1": Schemas["andon__gateway__cvlab__sync__views__ExperimentView"];
}

/** A job at a new version; of two, the higher one counts. */
export interface JobChanged
  extends Pick<
    Schemas["Job"],
    | "id"
    | "version"
    | "status"
    | "name"
    | "project"
    | "kind"
    | "queue"
    | "user"
    | "priority"
    | "device"
    | "stop_requested"
    | "pause_requested"
    | "exit_code"
    | "error"
    | "progress"
    | "retry_count"
    | "not_before"
  > {
  previous: Schemas["JobStatus"] | null;
  attempt: number;
  reason: string;
  message: string;
  at: string;
}

export interface JobProgressed extends Pick<Schemas["Job"], "id" | "metrics" | "progress" | "logs"> {
  attempt: number;
  step: number | null;
  total_steps: number | null;
  message: string;
  at: string;
}

export type EventName = keyof Events;

/** One message of the helper API's stream: jobs, devices, runs. */
export interface WorkEvent {
  type: string;
  data: Record<string, unknown>;
  timestamp: string;
}
