// Who is signed in, and from where; one's own, and everybody's for admins.

import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { queries } from "@/api/queries";
import { session, useUser } from "@/api/session";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { Asked, LoadingRows } from "@/parts/States";
import { Tag } from "@/parts/Tag";
import { ago, dateTime, useNow } from "@/parts/time";
import { ownSession } from "./own";
import styles from "./system.module.css";

export function Sessions() {
  const { t } = useTranslation("system");
  const now = useNow();
  const me = useUser();
  const asked = useQuery({
    queryKey: ["sessions"],
    staleTime: 0,
    queryFn: async ({ signal }) => [...(await take(api.GET("/api/v1/sessions", { signal }))).sessions],
  });
  const own = ownSession(session.accessToken);
  return (
    <div className={styles.place}>
      <p className={styles.hint}>{t("session.hint")}</p>
      <Asked query={asked} loading={<LoadingRows rows={4} height={56} />}>
        {(sessions) => (
          <div className={styles.scroll}>
            <table className={styles.table}>
              <thead>
                <tr>
                  <th scope="col">{t("user.name")}</th>
                  <th scope="col">{t("session.from")}</th>
                  <th scope="col">{t("session.begun")}</th>
                  <th scope="col">{t("session.renewed")}</th>
                  <th scope="col">{t("session.until")}</th>
                  <th aria-label={t("session.end")} />
                </tr>
              </thead>
              <tbody>
                {sessions.map((each) => (
                  <tr key={each.id}>
                    <th scope="row">
                      {each.username || each.user_id.slice(0, 8)}{" "}
                      {each.id === own && <Tag tone="info">{t("session.this")}</Tag>}
                    </th>
                    <td>{each.address || "–"}</td>
                    <td>{dateTime(each.created_at)}</td>
                    <td>{ago(each.refreshed_at, now)}</td>
                    <td>{dateTime(each.expires_at)}</td>
                    <td>
                      {each.id !== own && (
                        <ConfirmButton
                          variant="default"
                          title={t("session.endTitle", { name: each.username })}
                          effect={t(each.user_id === me?.id ? "session.endOwn" : "session.endEffect")}
                          verb={t("session.end")}
                          act={async () => {
                            await take(
                              api.DELETE("/api/v1/sessions/{id}", { params: { path: { id: each.id } } }),
                            );
                            await queries.invalidateQueries({ queryKey: ["sessions"] });
                          }}
                        >
                          {t("session.end")}
                        </ConfirmButton>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Asked>
    </div>
  );
}
