// What went wrong, and the button that says somebody has seen it.

import { byId, clock, element } from "./elements.js";

const SHOWN = 20;

export class Alerts {
  #alerts = new Map(); #acknowledge;

  // acknowledge(id) resolves to the alert as it is then.
  constructor(acknowledge) { this.#acknowledge = acknowledge; }

  reset(alerts) {
    this.#alerts = new Map(alerts.map((alert) => [alert.id, alert]));
    this.#draw();
  }

  hear(alert) {
    this.#alerts.set(alert.id, alert);
    this.#draw();
  }

  #draw() {
    const all = [...this.#alerts.values()].sort(byNeed);
    const open = all.filter((alert) => alert.state === "open");
    byId("alerts").replaceChildren(...all.slice(0, SHOWN).map((alert) => this.#item(alert)));
    byId("no-alerts").hidden = all.length > 0;
    byId("open-alerts").hidden = open.length === 0;
    byId("open-alerts").textContent = String(open.length);
  }

  #item(alert) {
    const seen = alert.state !== "open";
    return element("li", { class: seen ? "alert seen" : "alert", "data-severity": alert.severity, "data-id": alert.id },
      element("div", {}, element("strong", {}, alert.title), alert.message),
      element("div", { class: "quiet" }, [alert.severity, alert.station_id, clock(alert.timestamp)].filter(Boolean).join(" · ")),
      seen ? element("div", { class: "quiet" }, fate(alert)) : this.#button(alert));
  }

  #button(alert) {
    const button = element("button", { type: "button" }, "Acknowledge");
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        this.hear(await this.#acknowledge(alert.id));
      } catch (error) {
        button.disabled = false;
        button.textContent = `Acknowledge (${error.message})`;
      }
    });
    return button;
  }
}

function byNeed(one, other) {
  const open = (alert) => (alert.state === "open" ? 0 : 1);
  return open(one) - open(other) || other.timestamp.localeCompare(one.timestamp);
}

function fate(alert) {
  const seen = alert.acknowledged ? `Seen by ${alert.acknowledged_by ?? "someone"} at ${clock(alert.acknowledged_at)}` : "";
  const over = alert.resolved_at ? `over since ${clock(alert.resolved_at)}` : "";
  return [seen, over].filter(Boolean).join(", ");
}
