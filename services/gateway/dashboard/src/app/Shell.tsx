// Around every page: navigation, connection, who is signed in.

import { ActionIcon, Menu } from "@mantine/core";
import { IconLogout, IconUserCircle } from "@tabler/icons-react";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { permissionsOf, session, useStanding } from "@/api/session";
import { useConnection } from "@/live/live";
import { LoadingPage } from "@/parts/States";
import { language } from "./i18n";
import { Lamp } from "./Lamp";
import { pages } from "./page";
import { LanguageMenu, SchemeMenu } from "./Settings";
import styles from "./Shell.module.css";
import { SignInAgain, SignInPage } from "./SignIn";
import { useWall } from "./wall";

export function Shell() {
  const { t } = useTranslation("app");
  const standing = useStanding();
  const wall = useWall();
  const here = useLocation({ select: (location) => location.pathname.split("/")[1] });
  const page = pages.find((each) => each.id === here);
  const signedIn = standing.state !== "out";
  useEffect(() => {
    document.title = signedIn && page ? `${page.title[language()]} · Andon` : "Andon";
  });
  if (standing.state === "out") return <SignInPage />;
  return (
    <div className={styles.shell} data-wall={wall || undefined}>
      <a className={styles.skip} href="#content">
        {t("shell.skip")}
      </a>
      {!wall && <Navigation permissions={permissionsOf(standing.user)} />}
      <div className={styles.main}>
        {!wall && <Head title={page?.title[language()] ?? "Andon"} username={standing.user.username} />}
        <main id="content" className={styles.content} tabIndex={-1}>
          <Suspense fallback={<LoadingPage />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      {standing.state === "expired" && <SignInAgain user={standing.user} />}
    </div>
  );
}

function Navigation({ permissions }: { permissions: ReadonlySet<string> }) {
  const { t } = useTranslation("app");
  return (
    <nav className={styles.nav} aria-label={t("shell.pages")}>
      <div className={styles.mark}>
        <Lamp size={36} />
      </div>
      <ul>
        {pages
          .filter((page) => permissions.has(page.needs))
          .map((page) => (
            <li key={page.id}>
              <Link to={`/${page.id}`} className={styles.link} activeProps={{ "data-active": true }}>
                <page.icon size={24} stroke={1.6} aria-hidden="true" />
                <span>{page.title[language()]}</span>
              </Link>
            </li>
          ))}
      </ul>
    </nav>
  );
}

function Head({ title, username }: { title: string; username: string }) {
  const { t } = useTranslation("app");
  return (
    <header className={styles.head}>
      <h1>{title}</h1>
      <ConnectionState />
      <div className={styles.tools}>
        <LanguageMenu />
        <SchemeMenu />
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon aria-label={t("shell.account", { name: username })} title={username}>
              <IconUserCircle />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Label>{username}</Menu.Label>
            <Menu.Item leftSection={<IconLogout size={20} />} onClick={() => void session.signOut()}>
              {t("shell.signOut")}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
    </header>
  );
}

export function ConnectionState() {
  const { t } = useTranslation("app");
  const state = useConnection();
  return (
    <span className={styles.connection} data-state={state} role="status">
      <i aria-hidden="true" />
      {t(`connection.${state}`)}
    </span>
  );
}
