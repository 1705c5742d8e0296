// The stations with their last part, and the strip of recent ones.

import { byId, clock, element, named, number, percent, picture } from "./elements.js";

const TICK = 400, STRIP = 24, PASSES_PER_TICK = 2;

export class Wall {
  #cards = new Map(); #waiting = []; #timer = null;

  start() { this.#timer ??= setInterval(() => this.#draw(), TICK); }

  clear() {
    clearInterval(this.#timer);
    this.#timer = null;
    this.#cards.clear();
    this.#waiting = [];
    byId("stations").replaceChildren();
    byId("strip").replaceChildren();
  }

  // Everything anew, after signing in or reconnecting. parts: newest first.
  reset(stations, statistics, parts) {
    this.#waiting = [];
    const strip = byId("strip");
    strip.replaceChildren(...parts.slice(0, STRIP).map(thumbnail));
    stations.forEach((station) => this.station(station));
    for (const [id, counts] of statistics) this.#card(id).count(counts);
    for (const part of [...parts].reverse()) this.#card(part.station_id).show(part);
    this.#tellEmpty();
  }

  station(station) {
    this.#card(station.id).describe(station);
    this.#tellEmpty();
  }

  // A line may be faster than eyes and networks: counted at once, shown with the next tick.
  judged(part) {
    this.#card(part.station_id).add(part.decision);
    this.#waiting.push(part);
    if (this.#waiting.length > 200) this.#waiting.shift();
    this.#tellEmpty();
  }

  deleted(id) {
    for (const item of byId("strip").children) if (item.dataset.id === id) item.remove();
  }

  #draw() {
    if (!this.#waiting.length || document.hidden) return;
    const parts = this.#waiting.splice(0);
    const last = new Map(parts.map((part) => [part.station_id, part]));
    last.forEach((part, id) => this.#card(id).show(part));
    let passes = 0;
    const shown = parts.reverse().filter((part) => part.decision !== "pass" || passes++ < PASSES_PER_TICK);
    const strip = byId("strip");
    strip.prepend(...shown.slice(0, STRIP).map(thumbnail));
    while (strip.children.length > STRIP) strip.lastElementChild.remove();
  }

  #card(id) {
    if (!this.#cards.has(id)) {
      const card = new Card(id);
      this.#cards.set(id, card);
      const after = [...this.#cards.values()].filter((other) => other.id > id).sort((one, other) => (one.id < other.id ? -1 : 1));
      byId("stations").insertBefore(card.root, after[0]?.root ?? null);
    }
    return this.#cards.get(id);
  }

  #tellEmpty() { byId("no-stations").hidden = this.#cards.size > 0; }
}

class Card {
  #counts = { total_inspections: 0, passed: 0, failed: 0, uncertain: 0 };
  #shown = null;

  constructor(id) {
    this.title = element("h3", {}, id);
    this.decision = element("span", { class: "decision" }, "waiting");
    this.frame = element("div", { class: "picture" }, "no part yet");
    this.rate = element("dd", { class: "rate" }, "–");
    this.numbers = ["passed", "failed", "uncertain"].map(() => element("dd", {}, "0"));
    this.last = element("p", { class: "last" });
    this.root = element("article", { class: "station", "data-station": id },
      element("div", { class: "top" }, this.title, this.decision),
      this.frame,
      element("dl", {},
        element("div", {}, element("dt", {}, "Pass rate, 24 h"), this.rate),
        ...["Passed", "Failed", "Uncertain"].map((label, place) =>
          element("div", {}, element("dt", {}, label), this.numbers[place]))),
      this.last);
    this.id = id;
  }

  describe(station) {
    this.title.textContent = station.name && station.name !== this.id ? `${station.name} (${this.id})` : this.id;
    if (this.#shown) return;
    this.decision.textContent = station.mode === "teach" ? "learning" : "waiting";
    this.last.textContent = station.mode === "teach"
      ? `Collects good parts to learn from: ${number(station.samples)} so far.` : "";
  }

  count(counts) {
    this.#counts = { ...counts };
    this.#write();
  }

  add(decision) {
    this.#counts.total_inspections += 1;
    this.#counts[{ pass: "passed", fail: "failed", uncertain: "uncertain" }[decision]] += 1;
    this.#write();
  }

  show(part) {
    if (this.#shown === part.id) return;
    this.#shown = part.id;
    this.root.dataset.decision = part.decision;
    this.decision.textContent = part.decision;
    const frame = picture(part);
    this.frame.replaceWith(frame);
    this.frame = frame;
    const found = [...new Set(part.detections.map((each) => each.class_name))].join(", ");
    this.last.textContent = [`Part ${named(part)}`, clock(part.timestamp), `${Math.round(part.total_time_ms)} ms`, found]
      .filter(Boolean).join(" · ");
    this.root.classList.remove("new");
    void this.root.offsetWidth;  // lets the animation start again
    this.root.classList.add("new");
  }

  #write() {
    const { total_inspections: total, passed, failed, uncertain } = this.#counts;
    const rate = total ? passed / total : null;
    this.rate.textContent = rate === null ? "–" : percent(rate);
    this.rate.dataset.health = rate === null ? "" : rate >= 0.95 ? "good" : rate >= 0.85 ? "fair" : "bad";
    [passed, failed, uncertain].forEach((count, place) => { this.numbers[place].textContent = number(count); });
  }
}

function thumbnail(part) {
  const button = element("button", { type: "button", "data-decision": part.decision, onclick: () => open(part) },
    picture(part),
    element("span", { class: "verdict" }, part.decision),
    element("span", {}, named(part)));
  return element("li", { "data-id": part.id }, button);
}

function open(part) {
  const rows = [
    ["Decision", `${part.decision}, confidence ${percent(part.confidence)}`],
    ["Station", part.station_id],
    ["Judged", `${new Date(part.timestamp).toLocaleString()} in ${part.total_time_ms.toFixed(1)} ms`],
    ["Score", `${part.anomaly_score.toFixed(3)} (uncertain above ${part.uncertain_above.toFixed(3)}, fails above ${part.fail_above.toFixed(3)})`],
    ["Model", `${part.model_version}, recipe ${part.recipe_revision}`],
    ...part.detections.map((each) => [each.class_name, `${percent(each.confidence)}${area(each)} at ${each.bbox.join(", ")}`]),
  ];
  byId("part-content").replaceChildren(
    element("h2", { id: "part-title" }, `Part ${named(part)}`),
    picture(part),
    element("table", {}, element("tbody", {},
      ...rows.map(([label, value]) => element("tr", {}, element("th", { scope: "row" }, label), element("td", {}, value))))));
  byId("part").showModal();
}

const area = (found) => (found.area_mm2 === null ? "" : `, ${found.area_mm2.toFixed(2)} mm²`);
