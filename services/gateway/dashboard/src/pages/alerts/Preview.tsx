// When a rule would have fired.

import { useTranslation } from "react-i18next";
import type { Schemas } from "@/api/client";
import { ChartWithDownload } from "@/parts/Chart";
import { colour } from "@/parts/chartTheme";
import { count } from "@/parts/numbers";
import { Tag } from "@/parts/Tag";
import { dateTime, duration } from "@/parts/time";
import styles from "./alerts.module.css";

type Found = Schemas["Preview"];
const SHOWN = 200;

export function Preview({ found, title }: { found: Found; title: string }) {
  const { t } = useTranslation("alerts");
  const { firings, total, parts, remarks } = found;
  return (
    <div className={styles.found} role="status">
      <p>
        <Tag tone={total ? "warn" : "good"}>{t("preview.fired", { count: total, shown: count(total) })}</Tag>{" "}
        {t("preview.over", { count: parts, shown: count(parts) })}
      </p>
      {remarks.map((remark) => (
        <p key={remark} className={styles.remark}>
          {remark}
        </p>
      ))}
      {firings.length > 0 && (
        <>
          <Timeline found={found} title={title} />
          <ol className={styles.firings}>
            {firings.slice(0, SHOWN).map((each) => (
              <li key={`${each.subject} ${each.began_at}`}>
                <time dateTime={each.began_at}>{dateTime(each.began_at)}</time>
                <span>
                  {each.ended_at
                    ? duration((Date.parse(each.ended_at) - Date.parse(each.began_at)) / 1000)
                    : t("preview.still")}
                </span>
                <span>{each.message}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

function Timeline({ found, title }: { found: Found; title: string }) {
  const { t } = useTranslation("alerts");
  const name = (subject: string) => subject || t("inbox.all");
  const subjects = [...new Set(found.firings.map((each) => name(each.subject)))];
  const bars = found.firings.map((each) => [
    [Date.parse(each.began_at), name(each.subject)],
    [Date.parse(each.ended_at ?? found.until), name(each.subject)],
  ]);
  const option = {
    grid: { left: 8, right: 24, top: 8, bottom: 8, containLabel: true },
    xAxis: { type: "time", min: Date.parse(found.since), max: Date.parse(found.until) },
    yAxis: { type: "category", data: subjects },
    series: bars.map((data) => ({
      type: "line",
      data,
      symbol: "roundRect",
      symbolSize: 10,
      lineStyle: { width: 10, color: colour("warn"), cap: "round" },
      itemStyle: { color: colour("warn") },
    })),
  };
  const table = [
    ["subject", "began_at", "ended_at", "message"],
    ...found.firings.map((each) => [each.subject, each.began_at, each.ended_at, each.message]),
  ];
  return (
    <ChartWithDownload
      title={t("preview.when", { title })}
      option={option}
      table={table}
      file="rule-preview"
      height={Math.min(360, 64 + 34 * subjects.length)}
    />
  );
}
