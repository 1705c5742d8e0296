import { IconListSearch } from "@tabler/icons-react";
import type { PageDescriptor } from "@/app/page";

export const page: PageDescriptor = {
  id: "parts",
  title: { en: "Parts", de: "Teile" },
  icon: IconListSearch,
  order: 20,
  needs: "view_history",
  below: ["/parts/$partId", "/parts/$partId/lineage"],
  load: () => import("./index"),
};
