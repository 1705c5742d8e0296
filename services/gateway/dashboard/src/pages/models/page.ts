import { IconBrain } from "@tabler/icons-react";
import type { PageDescriptor } from "@/app/page";

export const page: PageDescriptor = {
  id: "models",
  title: { en: "Models", de: "Modelle" },
  icon: IconBrain,
  order: 50,
  needs: "view_history",
  below: ["/models/$section"],
  load: () => import("./index"),
};
