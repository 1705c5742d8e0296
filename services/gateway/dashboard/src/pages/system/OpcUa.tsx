// SCADA: servers with their load, and who is connected.

import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useLive } from "@/live/live";
import { count, decimal } from "@/parts/numbers";
import { Asked, Empty, LoadingCards, LoadingRows } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { ago, useNow } from "@/parts/time";
import { Card, Facts } from "./Health";
import styles from "./system.module.css";
import { TrustList } from "./TrustList";

type Server = Schemas["Server"];
/** Who comes and goes is heard; load and subscriptions are looked at now and then. */
const LOOK = 60_000;

export function OpcUa() {
  const { t } = useTranslation("system");
  const servers = useQuery({
    queryKey: ["opcua", "servers"],
    queryFn: async ({ signal }) => [...(await take(api.GET("/api/v1/opcua/servers", { signal }))).servers],
    refetchInterval: LOOK,
  });
  const certificates = useQuery({
    queryKey: ["opcua", "certificates"],
    queryFn: async ({ signal }) => [
      ...(await take(api.GET("/api/v1/opcua/certificates", { signal }))).certificates,
    ],
  });
  const again = (what: string) => void queries.invalidateQueries({ queryKey: ["opcua", what] });
  useLive("opcua.client.changed.v1", () => again("servers"));
  useLive("opcua.certificate.changed.v1", () => again("certificates"));
  return (
    <div className={styles.place}>
      <section className={styles.group} aria-label={t("opcua.servers")}>
        <h2>{t("opcua.servers")}</h2>
        <Asked
          query={servers}
          loading={<LoadingCards cards={1} height={240} />}
          isEmpty={(known) => known.length === 0}
          empty={<Empty title={t("opcua.noServer")} />}
        >
          {(known) => (
            <>
              <div className={styles.cards}>
                {known.map((server) => (
                  <ServerCard key={server.endpoint} server={server} />
                ))}
              </div>
              <Clients servers={known} />
            </>
          )}
        </Asked>
      </section>
      <Asked query={certificates} loading={<LoadingRows rows={4} height={64} />}>
        {(known) => <TrustList known={known} />}
      </Asked>
    </div>
  );
}

function ServerCard({ server }: { server: Server }) {
  const { t } = useTranslation("system");
  const level = server.service_level;
  const subscriptions = server.sessions.reduce((sum, each) => sum + each.subscriptions, 0);
  const items = server.sessions.reduce((sum, each) => sum + each.items, 0);
  const of = (used: number, most: number) => `${count(used)} / ${count(most)}`;
  return (
    <Card
      title={server.endpoint}
      tag={
        <Tag tone={level >= 200 ? "good" : level >= 100 ? "warn" : "bad"}>{t("opcua.level", { level })}</Tag>
      }
    >
      <Facts
        facts={[
          [t("opcua.stations"), server.stations.join(", ")],
          [t("opcua.sessions"), of(server.sessions.length, server.budgets.sessions)],
          [t("opcua.subscriptions"), of(subscriptions, server.budgets.subscriptions)],
          [t("opcua.items"), of(items, server.budgets.items)],
          [t("opcua.lag"), `${decimal(server.lag_ms, 1)} ms`],
          [t("opcua.notifications"), count(server.notifications)],
          [t("opcua.refused"), count(server.refused)],
        ]}
      />
    </Card>
  );
}

function Clients({ servers }: { servers: readonly Server[] }) {
  const { t } = useTranslation("system");
  const now = useNow();
  const clients = servers.flatMap((server) => server.sessions);
  if (!clients.length) return <p className={styles.hint}>{t("opcua.nobody")}</p>;
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            {["application", "user", "address", "policy", "subscriptions", "items", "since"].map((name) => (
              <th key={name} scope="col">
                {t(`opcua.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {clients.map((each) => (
            <tr key={each.id}>
              <th scope="row">{each.application}</th>
              <td>
                {each.user || "–"} ({t(`opcua.by.${each.signed_in_by}`)})
              </td>
              <td>{each.address}</td>
              <td>{each.policy}</td>
              <td>{each.subscriptions}</td>
              <td>{count(each.items)}</td>
              <td>{ago(each.since, now)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
