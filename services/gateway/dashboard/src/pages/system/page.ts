import { IconSettings } from "@tabler/icons-react";
import type { PageDescriptor } from "@/app/page";

export const page: PageDescriptor = {
  id: "system",
  title: { en: "System", de: "System" },
  icon: IconSettings,
  order: 80,
  needs: "view_history",
  below: ["/system/$section"],
  load: () => import("./index"),
};
