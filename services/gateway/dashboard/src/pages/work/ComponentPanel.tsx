// A component: its versions, what changed between two of them, and who made which one the active one, and why.

import { Button, Tabs, TextInput } from "@mantine/core";
import { IconArrowBackUp, IconCircleCheck, IconCircleCheckFilled } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useMay } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { bytes } from "@/parts/numbers";
import { Asked, LoadingRows } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { dateTime } from "@/parts/time";
import { told } from "@/parts/toasts";
import { useFilters } from "@/parts/useFilters";
import styles from "./Components.module.css";
import { Diff } from "./Diff";

type Version = Schemas["VersionView"];
type Activation = Schemas["ActivationView"];

const short = (hash: string): string => hash.slice(0, 8);

function useComponent(path: string) {
  const [category = "", name = ""] = path.split("/");
  const params = { path: { category: category as Schemas["Category"], name } };
  const versions = useQuery({
    queryKey: ["components", path, "versions"],
    queryFn: async ({ signal }) => {
      const query = { limit: 200 };
      const found = await take(
        api.GET("/api/components/versions/{category}/{name}", { signal, params: { ...params, query } }),
      );
      return [...found.data];
    },
  });
  const history = useQuery({
    queryKey: ["components", path, "history"],
    queryFn: async ({ signal }) => {
      const found = await take(
        api.GET("/api/components/versions/{category}/{name}/history", { signal, params }),
      );
      return [...found.data];
    },
  });
  return { versions, history };
}

export function ComponentPanel({ path }: { path: string }) {
  const { t } = useTranslation("work");
  const [filters, setFilters] = useFilters();
  const { versions, history } = useComponent(path);
  return (
    <div className={styles.panel}>
      <Asked query={versions} loading={<LoadingRows rows={6} />}>
        {(known) => {
          const active = known.find((each) => each.is_active);
          const to = known.find((each) => each.sha256 === filters.to) ?? active ?? known[0];
          const before = to ? known[known.indexOf(to) + 1] : undefined;
          const from = known.find((each) => each.sha256 === filters.from) ?? before ?? to;
          return (
            <>
              <header className={styles.head}>
                <h2>{path}</h2>
                {!active && <Tag tone="warn">{t("component.noActive")}</Tag>}
              </header>
              <Tabs defaultValue="diff" keepMounted={false}>
                <Tabs.List>
                  <Tabs.Tab value="diff">{t("component.diff")}</Tabs.Tab>
                  <Tabs.Tab value="history">{t("component.history")}</Tabs.Tab>
                </Tabs.List>
                <Tabs.Panel value="diff" className={styles.tab}>
                  <Versions
                    known={known}
                    activations={history.data ?? []}
                    from={from}
                    to={to}
                    onPick={(changes) => setFilters(changes)}
                    path={path}
                  />
                  {from && to && <Diff path={path} from={from} to={to} />}
                </Tabs.Panel>
                <Tabs.Panel value="history" className={styles.tab}>
                  <Asked query={history}>{(entries) => <Story entries={entries} />}</Asked>
                </Tabs.Panel>
              </Tabs>
            </>
          );
        }}
      </Asked>
    </div>
  );
}

interface VersionsProps {
  known: readonly Version[];
  activations: readonly Activation[];
  from: Version | undefined;
  to: Version | undefined;
  path: string;
  onPick: (changes: Record<string, string>) => void;
}

function Versions({ known, activations, from, to, path, onPick }: VersionsProps) {
  const { t } = useTranslation("work");
  return (
    <div className={styles.scroll}>
      <table className={styles.versions}>
        <thead>
          <tr>
            <th scope="col">{t("component.from")}</th>
            <th scope="col">{t("component.to")}</th>
            <th scope="col">{t("component.version")}</th>
            <th scope="col">{t("component.made")}</th>
            <th scope="col">{t("component.why")}</th>
            <th scope="col">{t("component.size")}</th>
            <th aria-label={t("component.activate")} />
          </tr>
        </thead>
        <tbody>
          {known.map((each) => (
            <tr key={each.sha256} data-active={each.is_active || undefined}>
              {(
                [
                  ["from", from],
                  ["to", to],
                ] as const
              ).map(([side, chosen]) => (
                <td key={side}>
                  <label className={styles.radio}>
                    <input
                      type="radio"
                      name={side}
                      aria-label={`${t(`component.${side}`)} ${short(each.hash)}`}
                      checked={chosen === each}
                      onChange={() => onPick({ [side]: each.sha256 })}
                    />
                  </label>
                </td>
              ))}
              <td>
                <code title={each.sha256}>{short(each.hash)}</code>{" "}
                {each.is_active && (
                  <Tag tone="good" icon={IconCircleCheckFilled}>
                    {t("component.active")}
                  </Tag>
                )}
              </td>
              <td>
                {dateTime(each.created_at)} · {each.created_by}
              </td>
              <td>{activations.find((one) => one.sha256 === each.sha256)?.why}</td>
              <td>{bytes(each.size)}</td>
              <td>{!each.is_active && <Activate version={each} path={path} known={known} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Activate({ version, path, known }: { version: Version; path: string; known: readonly Version[] }) {
  const { t } = useTranslation("work");
  const may = useMay("configure");
  const [why, setWhy] = useState("");
  if (!may) return null;
  const active = known.findIndex((each) => each.is_active);
  const back = active >= 0 && known.indexOf(version) > active;
  const Shown = back ? IconArrowBackUp : IconCircleCheck;
  const verb = t(back ? "component.rollback" : "component.activate");
  async function act() {
    const body = { hash: version.sha256, path, restore_local: false, why };
    await take(api.POST("/api/components/versions/activate", { body }));
    told.done(t("component.activated", { hash: short(version.hash), path }));
    await queries.invalidateQueries({ queryKey: ["components"] });
  }
  return (
    <ConfirmButton
      variant="default"
      color="steel"
      leftSection={<Shown size={18} />}
      title={t("component.activateTitle", { path, hash: short(version.hash) })}
      effect={
        <>
          <p>{t("component.activateEffect")}</p>
          <TextInput
            mt="sm"
            label={t("component.why")}
            value={why}
            onChange={(event) => setWhy(event.currentTarget.value)}
          />
        </>
      }
      verb={verb}
      act={act}
    >
      {verb}
    </ConfirmButton>
  );
}

function Story({ entries }: { entries: readonly Activation[] }) {
  const { t } = useTranslation("work");
  const [, setFilters] = useFilters();
  return (
    <ol className={styles.story}>
      {entries.map((entry) => (
        <li key={entry.sequence}>
          <time dateTime={entry.at}>{dateTime(entry.at)}</time>
          <div>
            <strong>
              <code>{short(entry.hash)}</code>
            </strong>{" "}
            {entry.rollback && <Tag tone="warn">{t("component.rollback")}</Tag>} {entry.by}
            {entry.why && <p>{entry.why}</p>}
          </div>
          {entry.previous_sha256 && (
            <Button
              variant="subtle"
              onClick={() => setFilters({ from: entry.previous_sha256 ?? "", to: entry.sha256 })}
            >
              {t("component.compare")}
            </Button>
          )}
        </li>
      ))}
    </ol>
  );
}
