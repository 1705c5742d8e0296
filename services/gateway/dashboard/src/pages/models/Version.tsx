// One version: where it came from, how it does on held-out parts, and what can be done with it.

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { bytes, count, decimal } from "@/parts/numbers";
import { Asked, LoadingRows } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { dateTime } from "@/parts/time";
import { evaluationQuery, judgedQuery, lineageQuery, type Model } from "./asked";
import { Deploying } from "./Deploying";
import { Evidence } from "./Evidence";
import styles from "./models.module.css";
import { shortId } from "./reckoning";

export function Version({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  const evaluation = useQuery(evaluationQuery(model));
  return (
    <div className={styles.list} style={{ gap: 16 }} data-detail={model.id}>
      <section className={styles.card} aria-label={model.name || model.id}>
        <header>
          <h2>{model.name || shortId(model.id)}</h2>
          {model.model.regions && (
            <Tag tone="info">{t("version.classes", { count: model.model.regions.classes.length })}</Tag>
          )}
          {model.model.int8 && <Tag tone="idle">INT8</Tag>}
          <span className={styles.quiet} data-end>
            {dateTime(model.created_at)}
          </span>
        </header>
        <div className={styles.body}>
          <Deploying model={model} evaluation={evaluation.data ?? null} />
          <dl className={styles.facts}>
            <Fact name={t("version.id")} value={model.id} mono />
            <Fact name={t("version.head")} value={model.head} />
            <Fact name={t("version.size")} value={bytes(model.model.fp32.size)} />
            <Fact
              name={t("version.limits")}
              value={`${decimal(model.thresholds.uncertain_above)} / ${decimal(model.thresholds.fail_above)}`}
            />
            {model.model.regions && (
              <Fact name={t("version.names")} value={model.model.regions.classes.join(", ")} />
            )}
          </dl>
        </div>
      </section>
      <Asked query={evaluation} loading={<LoadingRows rows={5} height={70} />}>
        {(found) => (found ? <Evidence evaluation={found} /> : <NoEvidence model={model} />)}
      </Asked>
      <Lineage model={model} />
    </div>
  );
}

function Fact({ name, value, mono }: { name: string; value: string; mono?: boolean }) {
  return (
    <div data-wide={value.length > 24 || undefined}>
      <dt>{name}</dt>
      <dd className={mono ? styles.mono : undefined}>{value}</dd>
    </div>
  );
}

function NoEvidence({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  return (
    <section className={styles.card} aria-label={t("evidence.title")}>
      <header>
        <h2>{t("evidence.title")}</h2>
      </header>
      <div className={styles.body}>
        <p className={styles.quiet}>{t("evidence.none")}</p>
        <dl className={styles.facts}>
          {Object.entries(model.metrics).map(([name, value]) => (
            <Fact
              key={name}
              name={name.replaceAll("_", " ")}
              value={Number.isInteger(value) ? count(value) : decimal(value, 3)}
            />
          ))}
        </dl>
      </div>
    </section>
  );
}

function Lineage({ model }: { model: Model }) {
  const { t } = useTranslation("models");
  const lineage = useQuery(lineageQuery(model.id));
  const judged = useQuery(judgedQuery(model.id));
  return (
    <section className={styles.card} aria-label={t("lineage.title")}>
      <header>
        <h2>{t("lineage.title")}</h2>
      </header>
      <div className={styles.body}>
        <Asked query={lineage} loading={<LoadingRows rows={2} />}>
          {({ versions = [], missing }) => (
            <ol className={styles.steps}>
              {versions.map((each) => (
                <li key={each.version_id}>
                  <Link to="/models/versions" search={{ version: each.version_id } as never}>
                    {each.name || shortId(each.version_id)}
                  </Link>{" "}
                  <span className={styles.mono}>{shortId(each.version_id)}</span>
                  <p className={styles.quiet}>
                    {dateTime(each.created_at)}
                    {each.good_images ? ` · ${t("lineage.good", { count: each.good_images })}` : ""}
                    {each.job_id && ` · ${t("lineage.job")} ${each.job_id}`}
                    {each.code_manifest && ` · ${t("lineage.code")} ${each.code_manifest.slice(0, 12)}`}
                  </p>
                  {each.dataset_version && (
                    <p className={styles.quiet}>
                      <Link to="/models/datasets" search={{ version: each.dataset_version } as never}>
                        {t("lineage.dataset")} {each.dataset_version.slice(0, 12)}
                      </Link>
                    </p>
                  )}
                  <p className={styles.mono}>{each.digest.slice(0, 24)}…</p>
                </li>
              ))}
              {missing && <li className={styles.quiet}>{t("lineage.missing", { id: missing })}</li>}
            </ol>
          )}
        </Asked>
        <Asked
          query={judged}
          loading={<LoadingRows rows={1} />}
          isEmpty={({ parts }) => parts.length === 0}
          empty={<p className={styles.quiet}>{t("lineage.judgedNone")}</p>}
        >
          {({ parts }) => (
            <div>
              <h3>{t("lineage.judged")}</h3>
              <p>
                {parts.map((each) => (
                  <span key={each.id}>
                    <Link to={`/parts/${each.id}`}>{each.part_id || each.id.slice(0, 8)}</Link>{" "}
                  </span>
                ))}
              </p>
            </div>
          )}
        </Asked>
      </div>
    </section>
  );
}
