// Makes src/api/schema.gen.ts out of the gateway's OpenAPI document; nothing is written where nothing changed.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const source = new URL("../../../../docs/openapi.json", import.meta.url);
const target = new URL("../src/api/schema.gen.ts", import.meta.url);

// openapi-fetch's types make arrays of tuples: boxes are arrays of numbers from the start.
const document = JSON.parse(readFileSync(source, "utf8"), (_, found) => {
  if (!found?.prefixItems) return found;
  const { prefixItems, minItems, maxItems, ...rest } = found;
  return { ...rest, items: prefixItems[0] };
});
const made = astToString(await openapiTS(document, { defaultNonNullable: true }));
if (!existsSync(target) || readFileSync(target, "utf8") !== made) writeFileSync(target, made);
