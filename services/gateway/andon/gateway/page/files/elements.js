// Builds elements. Strings only ever become text nodes, so nothing that came from the line is read as markup.

export const byId = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") made.addEventListener("click", value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function picture(part) {
  const address = part.annotated_url ?? part.image_url;
  if (!address?.startsWith("/static/images/")) return element("div", { class: "picture" }, "no image kept");
  const image = element("img", { src: address, alt: described(part), loading: "eager", decoding: "async" });
  const frame = element("div", { class: "picture" }, image);
  image.addEventListener("error", () => frame.replaceChildren("image not available"));
  return frame;
}

export const named = (part) => part.part_id ?? part.id.slice(0, 8);
export const percent = (fraction) => `${(100 * fraction).toFixed(1)} %`;
export const number = (value) => Number(value).toLocaleString("en");
export const clock = (time) => new Date(time).toLocaleTimeString([], { hour12: false });

function described(part) {
  const regions = part.objects_found === 1 ? "1 region" : `${part.objects_found} regions`;
  return `Part ${named(part)} at ${part.station_id}: ${part.decision}, ${regions} marked`;
}
