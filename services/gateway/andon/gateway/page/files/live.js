// What happens, over a WebSocket; by polling where that can't be had.

const FIRST_PAUSE = 500, LONGEST_PAUSE = 4000, SILENCE = 15000;
const NOT_SIGNED_IN = 4401;

export class Live {
  #session; #hear; #reload; #show;
  #socket = null; #failures = 0; #timers = new Set(); #silence = null; #running = false;

  // hear(type, data) for each message; reload() reads everything anew; show(state) is told how the line stands.
  constructor(session, { hear, reload, show }) {
    this.#session = session; this.#hear = hear; this.#reload = reload; this.#show = show;
  }

  start() {
    this.#running = true;
    this.#failures = 0;
    this.#connect();
  }

  stop() {
    this.#running = false;
    this.#timers.forEach(clearTimeout);
    this.#timers.clear();
    clearTimeout(this.#silence);
    this.#socket?.close();
    this.#socket = null;
  }

  #connect() {
    if (!this.#running) return;
    if (!this.#failures) this.#show("connecting");
    const address = new URL("/ws/dashboard", location.href);
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    address.searchParams.set("token", this.#session.accessToken);
    const socket = this.#socket = new WebSocket(address);
    socket.onopen = () => {
      this.#listen(socket);
      this.#read();  // what happened before somebody listened
    };
    socket.onmessage = (event) => {
      if (socket !== this.#socket) return;
      this.#listen(socket);
      const { type, data } = JSON.parse(event.data);
      this.#live();
      this.#hear(type, data);
    };
    socket.onclose = (event) => { if (socket === this.#socket) this.#lost(event.code); };
  }

  #live() {
    this.#show("live");
    this.#failures = 0;
  }

  // A heartbeat comes every five seconds: a silent socket is a dead one, even if nobody says so.
  #listen(socket) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => {
      if (socket !== this.#socket) return;
      socket.onclose = null;
      socket.close();
      this.#lost(0);
    }, SILENCE);
  }

  async #lost(code) {
    this.#socket = null;
    clearTimeout(this.#silence);
    if (!this.#running) return;
    if (++this.#failures === 1) this.#show("reconnecting");
    if (code === NOT_SIGNED_IN && !(await this.#renewed())) return;
    if (this.#failures > 1) this.#show((await this.#read()) ? "polling" : "offline");
    const pause = Math.min(FIRST_PAUSE * 2 ** (this.#failures - 1), LONGEST_PAUSE);
    this.#later(() => this.#connect(), pause * (0.7 + 0.6 * Math.random()));
  }

  async #read() {
    try {
      await this.#reload();
    } catch {
      return false;
    }
    return true;
  }

  async #renewed() {
    try {
      await this.#session.refresh();
    } catch {
      return this.#session.accessToken !== "";
    }
    return true;
  }

  #later(action, pause) {
    const timer = setTimeout(() => { this.#timers.delete(timer); action(); }, pause);
    this.#timers.add(timer);
  }
}
