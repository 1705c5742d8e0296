// The parts that experiments are made of, by kind; one of them with its versions beside the list.

import { TextInput } from "@mantine/core";
import { IconBinaryTree2, IconSearch } from "@tabler/icons-react";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, take } from "@/api/client";
import { queries } from "@/api/queries";
import { useLive } from "@/live/live";
import { Asked, LoadingRows, Notice } from "@/parts/States";
import { useFilters } from "@/parts/useFilters";
import { ComponentPanel } from "./ComponentPanel";
import styles from "./Components.module.css";
import { Age } from "./Jobs";
import { useLater } from "./useJobsLive";

const componentsQuery = queryOptions({
  queryKey: ["components"],
  queryFn: async ({ signal }) => [...(await take(api.GET("/api/components", { signal }))).data],
});

export function Components() {
  const { t } = useTranslation("work");
  const [filters, setFilters] = useFilters();
  const asked = useQuery(componentsQuery);
  const later = useLater(() => void queries.invalidateQueries({ queryKey: ["components"] }));
  useLive(["component.version.published.v1", "component.version.activated.v1"], later);
  const open = filters.path ?? null;
  const wanted = (filters.find ?? "").toLowerCase();
  return (
    <div className={styles.place}>
      <div className={styles.list}>
        <TextInput
          aria-label={t("component.find")}
          placeholder={t("component.find")}
          leftSection={<IconSearch size={18} />}
          value={filters.find ?? ""}
          onChange={(event) => setFilters({ find: event.currentTarget.value })}
        />
        <Asked
          query={asked}
          loading={<LoadingRows rows={8} />}
          isEmpty={(categories) => categories.length === 0}
          empty={
            <Notice
              icon={IconBinaryTree2}
              title={t("component.none")}
              text={<code>andon components scan</code>}
            />
          }
        >
          {(categories) =>
            categories.map(({ category, components }) => {
              const shown = components.filter((each) => each.path.toLowerCase().includes(wanted));
              if (!shown.length) return null;
              return (
                <section key={category}>
                  <h2>{t(`category.${category}`)}</h2>
                  <ul>
                    {shown.map((each) => (
                      <li key={each.path}>
                        <button
                          type="button"
                          aria-current={open === each.path ? "true" : undefined}
                          onClick={() => setFilters({ path: each.path, from: "", to: "" }, "push")}
                        >
                          <strong>{each.path.split("/")[1]}</strong>
                          <span>
                            {t("component.versions", { count: each.version_count })} ·{" "}
                            <Age at={each.updated_at} />
                          </span>
                        </button>
                      </li>
                    ))}
                  </ul>
                </section>
              );
            })
          }
        </Asked>
      </div>
      {open ? (
        <ComponentPanel key={open} path={open} />
      ) : (
        <Notice icon={IconBinaryTree2} title={t("component.pick")} text={t("component.pickHint")} />
      )}
    </div>
  );
}
