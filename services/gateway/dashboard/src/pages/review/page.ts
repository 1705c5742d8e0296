import { IconEyeCheck } from "@tabler/icons-react";
import type { PageDescriptor } from "@/app/page";

export const page: PageDescriptor = {
  id: "review",
  title: { en: "Review", de: "Prüfen" },
  icon: IconEyeCheck,
  order: 40,
  needs: "view_history",
  load: () => import("./index"),
};
