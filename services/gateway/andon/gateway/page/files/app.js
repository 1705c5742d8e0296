// The page: sign in, then watch the line.

import { Alerts } from "./alerts.js";
import { byId, number, percent } from "./elements.js";
import { Live } from "./live.js";
import { Refused, Session, call } from "./session.js";
import { Wall } from "./wall.js";

const STATES = {
  connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", polling: "Polling", offline: "No connection",
};
const COUNT_AGAIN = 60_000;

const session = new Session();
const wall = new Wall();
const read = (path) => session.request("GET", `/api/v1${path}`);
const alerts = new Alerts((id) => session.request("POST", `/api/v1/alerts/${encodeURIComponent(id)}/acknowledge`));
const live = new Live(session, { hear, reload, show });
let counting = null;

function hear(type, data) {
  if (type === "ping" || type === "stats") total(data);
  else if (type === "inspection") wall.judged(data);
  else if (type === "station") wall.station(data);
  else if (type === "alert") alerts.hear(data);
  else if (type === "deleted") wall.deleted(data.id);
}

// Each part is read for itself: one service that is away does not darken the rest.
async function reload() {
  const results = await Promise.allSettled([loadWall(), read("/statistics").then(total), loadAlerts()]);
  if (results.every((result) => result.status === "rejected")) throw results[0].reason;
}

async function loadWall() {
  const [{ stations: all }, { items }] = await Promise.all([read("/stations"), read("/inspections?limit=24")]);
  // The station that is there from the first start takes no room on the wall until somebody uses it.
  const stations = all.filter((station) => station.id !== "default" || station.samples || station.recipe || all.length === 1);
  const ids = [...new Set([...stations.map((station) => station.id), ...items.map((part) => part.station_id)])];
  const counted = await Promise.all(ids.map(async (id) => [id, await read(`/statistics?station_id=${encodeURIComponent(id)}`)]));
  wall.reset(stations, counted, items);
}

async function loadAlerts() {
  alerts.reset((await read("/alerts?limit=50")).alerts);
}

function total(statistics) {
  if (statistics.total_inspections === undefined) return;
  const any = statistics.total_inspections > 0;
  byId("pass-rate").textContent = any ? percent(statistics.pass_rate) : "–";
  byId("total").textContent = number(statistics.total_inspections);
  byId("passed").textContent = number(statistics.passed);
  byId("failed").textContent = number(statistics.failed);
  byId("uncertain").textContent = number(statistics.uncertain);
  byId("time").textContent = any ? `${statistics.avg_inspection_time_ms.toFixed(1)} ms` : "–";
}

function show(state) {
  byId("connection").dataset.state = state;
  byId("connection").textContent = STATES[state];
}

function watch() {
  byId("sign-in").hidden = true;
  byId("line").hidden = false;
  byId("user").textContent = session.user?.username ?? "";
  wall.start();
  counting = setInterval(() => reload().catch(() => {}), COUNT_AGAIN);
  live.start();
}

function askWho() {
  live.stop();
  wall.clear();
  alerts.reset([]);
  clearInterval(counting);
  byId("line").hidden = true;
  byId("sign-in").hidden = false;
  byId("password").value = "";
  byId("username").focus();
}

async function signIn(event) {
  event.preventDefault();
  const button = event.target.querySelector("button");
  const error = byId("sign-in-error");
  button.disabled = true;
  error.hidden = true;
  try {
    await session.signIn(byId("username").value, byId("password").value);
    watch();
  } catch (refused) {
    error.textContent = refused instanceof Refused ? refused.message : "The server can't be reached.";
    error.hidden = false;
  } finally {
    button.disabled = false;
  }
}

session.onEnded = askWho;
byId("sign-in-form").addEventListener("submit", signIn);
byId("sign-out").addEventListener("click", () => session.signOut().catch(() => {}));
call("GET", "/page/about.json").then(({ demo }) => { byId("demo-hint").hidden = !demo; }).catch(() => {});
if (session.user) watch();
else askWho();
