import { IconBell } from "@tabler/icons-react";
import type { PageDescriptor } from "@/app/page";

export const page: PageDescriptor = {
  id: "alerts",
  title: { en: "Alerts", de: "Meldungen" },
  icon: IconBell,
  order: 70,
  needs: "view_history",
  below: ["/alerts/$section"],
  load: () => import("./index"),
};
