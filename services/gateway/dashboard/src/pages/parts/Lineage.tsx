// From a part back to all it came from: model, data, people's words, job and code; and on to what else was judged so.

import { Button } from "@mantine/core";
import {
  IconArrowLeft,
  IconBinaryTree,
  IconCode,
  IconDatabase,
  IconPhoto,
  IconTournament,
  IconUserCheck,
} from "@tabler/icons-react";
import { infiniteQueryOptions, queryOptions, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { DecisionBadge } from "@/parts/Decision";
import { count, decimal } from "@/parts/numbers";
import { partName } from "@/parts/PartImage";
import { Asked, Empty, LoadingRows } from "@/parts/States";
import { dateTime } from "@/parts/time";
import styles from "./Lineage.module.css";

type Version = Schemas["VersionTrace"];
type PartTrace = Schemas["PartTrace"];

const lineageQuery = (id: string) =>
  queryOptions({
    queryKey: ["parts", "lineage", id],
    queryFn: ({ signal }) =>
      take(api.GET("/api/v1/lineage/inspections/{id}", { signal, params: { path: { id } } })),
  });

const judgedQuery = (version: string) =>
  infiniteQueryOptions({
    queryKey: ["parts", "judged by", version],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: 100, ...(pageParam && { after: pageParam }) };
      const path = { id: version };
      return take(api.GET("/api/v1/lineage/models/{id}/inspections", { signal, params: { path, query } }));
    },
    getNextPageParam: (last) => last.next,
  });

export function Lineage({ partId }: { partId: string }) {
  const { t } = useTranslation("parts");
  const lineage = useQuery(lineageQuery(partId));
  const [chosen, setChosen] = useState<string | null>(null);
  const versions = lineage.data?.versions ?? [];
  const shown = chosen ?? versions[0]?.version_id ?? null;
  return (
    <div className={styles.page}>
      <div className={styles.head}>
        <Button
          component={Link}
          to={`/parts/${encodeURIComponent(partId)}`}
          search={true as never}
          variant="default"
          leftSection={<IconArrowLeft size={20} aria-hidden="true" />}
        >
          {t("lineage.back")}
        </Button>
        <h2>{t("lineage.title", { part: lineage.data?.part ? traced(lineage.data.part) : "" })}</h2>
      </div>
      <div className={styles.floor}>
        <Asked query={lineage} loading={<LoadingRows rows={4} height={120} />}>
          {({ part, versions: found, missing }) => (
            <ol className={styles.chain} aria-label={t("lineage.chain")}>
              {part && <PartStep part={part} />}
              {found.map((version, index) => (
                <VersionSteps
                  key={version.version_id}
                  version={version}
                  first={index === 0}
                  shown={version.version_id === shown}
                  onShow={() => setChosen(version.version_id)}
                />
              ))}
              {missing && (
                <Step icon={IconBinaryTree} title={t("lineage.missing")}>
                  <p>{t("lineage.missingText")}</p>
                  <code>{missing}</code>
                </Step>
              )}
            </ol>
          )}
        </Asked>
        {shown && (
          <JudgedBy
            version={shown}
            name={versions.find((v) => v.version_id === shown)?.name ?? ""}
            partId={partId}
          />
        )}
      </div>
    </div>
  );
}

const traced = (part: PartTrace): string =>
  partName({ part_id: part.part_id ?? null, id: part.inspection_id });

function Step({
  icon: Shown,
  title,
  children,
}: {
  icon: typeof IconCode;
  title: string;
  children: ReactNode;
}) {
  return (
    <li className={styles.step}>
      <span className={styles.dot}>
        <Shown size={22} stroke={1.6} aria-hidden="true" />
      </span>
      <div>
        <h3>{title}</h3>
        {children}
      </div>
    </li>
  );
}

function PartStep({ part }: { part: PartTrace }) {
  const { t } = useTranslation("parts");
  return (
    <Step icon={IconPhoto} title={t("lineage.part", { part: traced(part) })}>
      <p className={styles.line}>
        <DecisionBadge decision={part.decision} />
        <span>{t("lineage.scored", { score: decimal(part.anomaly_score, 3) })}</span>
        <span>{part.station_id}</span>
        <span>{dateTime(part.judged_at)}</span>
        <span>{t("lineage.recipe", { revision: part.recipe_revision })}</span>
      </p>
    </Step>
  );
}

interface VersionProps {
  version: Version;
  first: boolean;
  shown: boolean;
  onShow: () => void;
}

function VersionSteps({ version, first, shown, onShow }: VersionProps) {
  const { t } = useTranslation("parts");
  const metrics = Object.entries(version.metrics ?? {}).slice(0, 4);
  return (
    <>
      <Step
        icon={IconTournament}
        title={t(first ? "lineage.model" : "lineage.parent", { name: version.name })}
      >
        <p className={styles.line}>
          <code title={version.version_id}>{version.version_id.slice(0, 24)}</code>
          <span>{t("lineage.made", { at: dateTime(version.created_at) })}</span>
          <span>{version.head}</span>
          {version.deployed_to.length > 0 && (
            <span>{t("lineage.deployed", { stations: version.deployed_to.join(", ") })}</span>
          )}
        </p>
        {metrics.length > 0 && (
          <p className={styles.line}>
            {metrics.map(([name, value]) => (
              <span key={name}>{`${name} ${decimal(value, 3)}`}</span>
            ))}
          </p>
        )}
        <Button variant={shown ? "filled" : "default"} aria-pressed={shown} onClick={onShow}>
          {t("lineage.show")}
        </Button>
      </Step>
      <DataStep version={version} />
      <Step icon={IconCode} title={t("lineage.code")}>
        <p className={styles.line}>
          <span>{version.job_id ? t("lineage.job", { id: version.job_id }) : t("lineage.noJob")}</span>
          {version.code_manifest ? (
            <code title={version.code_manifest}>{version.code_manifest.slice(0, 60)}</code>
          ) : (
            <span>{t("lineage.noCode")}</span>
          )}
        </p>
      </Step>
    </>
  );
}

function DataStep({ version }: { version: Version }) {
  const { t } = useTranslation("parts");
  const id = version.dataset_version ?? "";
  const data = useQuery({
    queryKey: ["parts", "dataset", id],
    enabled: id !== "",
    queryFn: async ({ signal }) => {
      const path = { id };
      const [dataset, samples] = await Promise.all([
        take(api.GET("/api/v1/datasets/{id}", { signal, params: { path } })),
        take(api.GET("/api/v1/datasets/{id}/samples", { signal, params: { path, query: { limit: 200 } } })),
      ]);
      return { dataset, said: samples.items.filter((each) => each.annotation_id && each.inspection_id) };
    },
  });
  if (!id) {
    return (
      <Step icon={IconDatabase} title={t("lineage.data")}>
        <p>{t("lineage.taught", { count: version.good_images, number: count(version.good_images) })}</p>
      </Step>
    );
  }
  return (
    <>
      <Step icon={IconDatabase} title={t("lineage.data")}>
        <Asked query={data} loading={<LoadingRows rows={1} height={44} />}>
          {({ dataset }) => (
            <p className={styles.line}>
              <span>{t("lineage.dataset", { name: dataset.dataset, number: dataset.number })}</span>
              <span>
                {t("lineage.samples", {
                  count: dataset.counts.samples,
                  number: count(dataset.counts.samples),
                })}
              </span>
              <span>{t("lineage.by", { by: dataset.by, at: dateTime(dataset.created_at) })}</span>
              <code title={dataset.id}>{dataset.id.slice(0, 16)}</code>
            </p>
          )}
        </Asked>
      </Step>
      {data.data && data.data.said.length > 0 && (
        <Step icon={IconUserCheck} title={t("lineage.said", { count: data.data.said.length })}>
          <ul className={styles.samples}>
            {data.data.said.slice(0, 24).map((sample) => (
              <li key={sample.sha256}>
                <Link to={`/parts/${encodeURIComponent(sample.inspection_id ?? "")}`}>
                  {sample.part_id || sample.inspection_id?.slice(0, 8)}
                </Link>
                <span>
                  {sample.classes.length ? sample.classes.join(", ") : t(`lineage.verdict.${sample.verdict}`)}
                </span>
              </li>
            ))}
          </ul>
        </Step>
      )}
    </>
  );
}

function JudgedBy({ version, name, partId }: { version: string; name: string; partId: string }) {
  const { t } = useTranslation("parts");
  const judged = useInfiniteQuery(judgedQuery(version));
  const parts = judged.data?.pages.flatMap((page) => page.parts);
  return (
    <section className={styles.judged} aria-label={t("lineage.judged", { name })}>
      <h2>{t("lineage.judged", { name })}</h2>
      <Asked
        query={judged}
        isEmpty={() => parts?.length === 0}
        empty={<Empty title={t("lineage.judgedNone")} />}
      >
        {() => (
          <ul>
            {parts?.map((part) => (
              <li key={part.id}>
                <Link
                  to={`/parts/${encodeURIComponent(part.id)}`}
                  aria-current={part.id === partId ? "true" : undefined}
                >
                  <DecisionBadge decision={part.decision} />
                  <b>{partName({ part_id: part.part_id ?? null, id: part.id })}</b>
                  <span>{decimal(part.anomaly_score)}</span>
                  <time dateTime={part.judged_at}>{dateTime(part.judged_at)}</time>
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Asked>
      {judged.hasNextPage && (
        <Button
          variant="default"
          fullWidth
          loading={judged.isFetchingNextPage}
          onClick={() => void judged.fetchNextPage()}
        >
          {t("lineage.more")}
        </Button>
      )}
    </section>
  );
}
