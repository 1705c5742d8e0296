// Addresses: one lazy route for each page that registered itself, filters free in the query.

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { LoadingPage } from "@/parts/States";
import { wordsOf } from "./i18n";
import { Crashed, NotFound } from "./Lost";
import { type PageDescriptor, pages } from "./page";
import { Shell } from "./Shell";

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: `/${pages[0]?.id ?? ""}`, replace: true });
  },
});

function routesOf(page: PageDescriptor) {
  const component = lazyRouteComponent(async () => {
    const [module] = await Promise.all([page.load(), wordsOf(page.id)]);
    return module;
  });
  return [`/${page.id}`, ...(page.below ?? [])].map((path) =>
    createRoute({
      getParentRoute: () => root,
      path,
      component,
      validateSearch: (search: Record<string, unknown>) => search,
    }),
  );
}

export const router = createRouter({
  routeTree: root.addChildren([home, ...pages.flatMap(routesOf)]),
  defaultPendingComponent: LoadingPage,
  defaultPendingMs: 150,
  defaultErrorComponent: Crashed,
  defaultPreload: "intent",
  scrollRestoration: true,
});
