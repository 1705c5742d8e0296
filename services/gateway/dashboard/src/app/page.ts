// What a page tells of itself; the shell finds these by itself, and no list has to be edited.

import type { Icon } from "@tabler/icons-react";
import type { ComponentType } from "react";
import type { Permission } from "@/api/session";

export interface PageDescriptor {
  /** The name of its folder, of its words, and the first part of its addresses. */
  id: string;
  title: { en: string; de: string };
  icon: Icon;
  /** Where it stands in the navigation; the Line is 10, System 80. */
  order: number;
  /** Who may not do this doesn't see it. */
  needs: Permission;
  /** Addresses below `/<id>` that show it, too, such as `/parts/$partId`. */
  below?: readonly string[];
  load: () => Promise<{ default: ComponentType }>;
}

const found = import.meta.glob<{ page: PageDescriptor }>("../pages/*/page.ts", { eager: true });

/** All pages that were built, in the order of the navigation. */
export const pages: readonly PageDescriptor[] = Object.values(found)
  .map((module) => module.page)
  .sort((one, other) => one.order - other.order);
