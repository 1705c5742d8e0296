import { IconTrafficLights } from "@tabler/icons-react";
import type { PageDescriptor } from "@/app/page";

export const page: PageDescriptor = {
  id: "line",
  title: { en: "Line", de: "Linie" },
  icon: IconTrafficLights,
  order: 10,
  needs: "view_history",
  load: () => import("./index"),
};
