// What a finger or a pen does on the part.

import {
  type Icon,
  IconBrush,
  IconEraser,
  IconHandStop,
  IconPointer,
  IconPolygon,
  IconSquareDashed,
} from "@tabler/icons-react";

export type Tool = "select" | "box" | "outline" | "brush" | "erase" | "pan";

export const TOOLS: readonly { tool: Tool; icon: Icon; key: string }[] = [
  { tool: "select", icon: IconPointer, key: "v" },
  { tool: "box", icon: IconSquareDashed, key: "b" },
  { tool: "outline", icon: IconPolygon, key: "p" },
  { tool: "brush", icon: IconBrush, key: "r" },
  { tool: "erase", icon: IconEraser, key: "e" },
  { tool: "pan", icon: IconHandStop, key: "h" },
];
