import { IconChartBar } from "@tabler/icons-react";
import type { PageDescriptor } from "@/app/page";

export const page: PageDescriptor = {
  id: "quality",
  title: { en: "Quality", de: "Qualität" },
  icon: IconChartBar,
  order: 30,
  needs: "view_history",
  load: () => import("./index"),
};
