// Whose certificates the OPC UA servers trust, and those that came and were rejected.

import { Button, FileButton, Group, Modal, Select, Stack } from "@mantine/core";
import { IconCertificate, IconCircleCheck, IconUpload } from "@tabler/icons-react";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { api, type Schemas, take } from "@/api/client";
import { queries } from "@/api/queries";
import { Chips } from "@/parts/Chips";
import { ConfirmButton } from "@/parts/ConfirmButton";
import { messageOf } from "@/parts/fields";
import { Tag } from "@/parts/Tag";
import { ago, day, useNow } from "@/parts/time";
import { told } from "@/parts/toasts";
import { useFilters } from "@/parts/useFilters";
import styles from "./system.module.css";
import { usersQuery } from "./Users";

type Certificate = Schemas["Certificate"];
type Use = Schemas["CertificateUse"];
const USES: readonly Use[] = ["client", "authority", "user"];

const anew = () => queries.invalidateQueries({ queryKey: ["opcua"] });

export function TrustList({ known }: { known: readonly Certificate[] }) {
  const { t } = useTranslation("system");
  const [filters, setFilters] = useFilters();
  const state = filters.trust ?? "";
  const shown = known.filter((each) => !state || each.state === state);
  const number = (wanted: string) => known.filter((each) => each.state === wanted).length;
  return (
    <section className={styles.group} aria-label={t("trust.title")}>
      <div className={styles.top}>
        <h2>{t("trust.title")}</h2>
        <Chips
          label={t("trust.state")}
          choices={[
            { value: "", title: t("trust.all") },
            { value: "rejected", title: t("trust.rejected"), count: number("rejected") },
            { value: "trusted", title: t("trust.trusted"), count: number("trusted") },
          ]}
          value={state}
          onChange={(trust) => setFilters({ trust })}
        />
        <div className={styles.right}>
          <Bring />
        </div>
      </div>
      {shown.length === 0 ? (
        <p className={styles.hint}>{t(state ? "trust.noneSuch" : "trust.none")}</p>
      ) : (
        <ul className={styles.certificates}>
          {shown.map((each) => (
            <One key={each.fingerprint} certificate={each} />
          ))}
        </ul>
      )}
    </section>
  );
}

function One({ certificate }: { certificate: Certificate }) {
  const { t } = useTranslation("system");
  const now = useNow();
  const trusted = certificate.state === "trusted";
  const over = Date.parse(certificate.not_after) < now;
  const path = { fingerprint: certificate.fingerprint };
  return (
    <li data-state={certificate.state}>
      <IconCertificate size={28} stroke={1.4} aria-hidden="true" />
      <div>
        <h3>{certificate.subject}</h3>
        <p className={styles.hint}>
          {certificate.application_uri || certificate.issuer} ·{" "}
          <code>{certificate.fingerprint.slice(0, 16)}</code> · {t("trust.seen")}{" "}
          {ago(certificate.seen_at, now)}
        </p>
        <p className={styles.hint}>
          {t("trust.valid", { from: day(certificate.not_before), to: day(certificate.not_after) })}
        </p>
        <Group gap={6}>
          <Tag tone={trusted ? "good" : "bad"}>{t(`trust.${certificate.state}`)}</Tag>
          <Tag tone="idle">{t(`use.${certificate.use}`)}</Tag>
          {over && <Tag tone="warn">{t("trust.over")}</Tag>}
        </Group>
      </div>
      <Group gap={8}>
        {trusted ? (
          <ConfirmButton
            variant="default"
            title={t("trust.rejectTitle")}
            effect={t("trust.rejectEffect")}
            verb={t("trust.reject")}
            act={() =>
              take(api.POST("/api/v1/opcua/certificates/{fingerprint}/reject", { params: { path } })).then(
                anew,
              )
            }
          >
            {t("trust.reject")}
          </ConfirmButton>
        ) : (
          <Trust certificate={certificate} />
        )}
        <ConfirmButton
          variant="subtle"
          color="red"
          title={t("trust.forgetTitle")}
          effect={t("trust.forgetEffect")}
          verb={t("trust.forget")}
          act={() =>
            take(api.DELETE("/api/v1/opcua/certificates/{fingerprint}", { params: { path } })).then(anew)
          }
        >
          {t("trust.forget")}
        </ConfirmButton>
      </Group>
    </li>
  );
}

/** What a certificate shall be good for, and for whom. */
function UseFields({
  body,
  onChange,
}: {
  body: Schemas["UseBody"];
  onChange: (body: Schemas["UseBody"]) => void;
}) {
  const { t } = useTranslation("system");
  const users = useQuery(usersQuery).data ?? [];
  return (
    <Stack mt="sm">
      <Select
        label={t("use.title")}
        allowDeselect={false}
        data={USES.map((value) => ({ value, label: t(`use.${value}`) }))}
        value={body.use}
        onChange={(use) => use && onChange({ use: use as Use, user_id: null })}
      />
      {body.use === "user" && (
        <Select
          label={t("use.who")}
          searchable
          data={users.map(({ id, username }) => ({ value: id, label: username }))}
          value={body.user_id ?? null}
          onChange={(user_id) => onChange({ ...body, user_id })}
        />
      )}
    </Stack>
  );
}

function Trust({ certificate }: { certificate: Certificate }) {
  const { t } = useTranslation("system");
  const [body, setBody] = useState<Schemas["UseBody"]>({
    use: certificate.use,
    user_id: certificate.user_id ?? null,
  });
  const path = { fingerprint: certificate.fingerprint };
  return (
    <ConfirmButton
      color="steel"
      leftSection={<IconCircleCheck size={18} />}
      title={t("trust.trustTitle")}
      effect={
        <>
          <p>{t("trust.trustEffect")}</p>
          <p className={styles.print}>{certificate.fingerprint}</p>
          <UseFields body={body} onChange={setBody} />
        </>
      }
      verb={t("trust.trust")}
      act={() =>
        take(api.POST("/api/v1/opcua/certificates/{fingerprint}/trust", { params: { path }, body })).then(
          anew,
        )
      }
    >
      {t("trust.trust")}
    </ConfirmButton>
  );
}

/** DER as Base64, PEM as it is. */
async function textOf(file: File): Promise<string> {
  const content = new Uint8Array(await file.arrayBuffer());
  const text = new TextDecoder().decode(content.slice(0, 64));
  if (text.includes("-----BEGIN")) return new TextDecoder().decode(content);
  return btoa(Array.from(content, (byte) => String.fromCharCode(byte)).join(""));
}

function Bring() {
  const { t } = useTranslation("system");
  const { t: parts } = useTranslation("shared");
  const [file, setFile] = useState<File | null>(null);
  const [body, setBody] = useState<Schemas["UseBody"]>({ use: "client", user_id: null });
  const bring = useMutation({
    mutationFn: async (chosen: File) =>
      take(api.POST("/api/v1/opcua/certificates", { body: { certificate: await textOf(chosen), ...body } })),
    onSuccess: ({ subject }) => {
      told.done(t("trust.brought", { subject }));
      setFile(null);
      void anew();
    },
  });
  return (
    <>
      <FileButton
        accept=".pem,.der,.crt,.cer"
        onChange={(chosen) => {
          bring.reset();
          setFile(chosen);
        }}
      >
        {(props) => (
          <Button {...props} variant="default" leftSection={<IconUpload size={18} />}>
            {t("trust.bring")}
          </Button>
        )}
      </FileButton>
      <Modal
        opened={file !== null}
        onClose={() => setFile(null)}
        title={t("trust.bring")}
        closeButtonProps={{ "aria-label": parts("close") }}
      >
        <p>{file?.name}</p>
        <UseFields body={body} onChange={setBody} />
        {bring.error && (
          <p role="alert" className={styles.wrong}>
            {messageOf(bring.error)}
          </p>
        )}
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={() => setFile(null)}>
            {parts("cancel")}
          </Button>
          <Button loading={bring.isPending} onClick={() => file && bring.mutate(file)}>
            {t("trust.trust")}
          </Button>
        </Group>
      </Modal>
    </>
  );
}
