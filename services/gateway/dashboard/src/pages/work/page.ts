import { IconCpu } from "@tabler/icons-react";
import type { PageDescriptor } from "@/app/page";

export const page: PageDescriptor = {
  id: "work",
  title: { en: "Work", de: "Arbeit" },
  icon: IconCpu,
  order: 60,
  needs: "view_history",
  below: ["/work/$section"],
  load: () => import("./index"),
};
