// The page's one script. It reads /api, listens to /api/live, and writes text as text: nothing from the ledger or
// a dapp is ever taken for markup. Shapes: docs/formats/admin-api.md.
"use strict";

const LOG_LINES = 200;
const byId = (id) => document.getElementById(id);
const state = { status: null, devices: new Map(), dapps: new Map(), simulated: false, lastSeq: new Map(), zone: undefined };

async function ask(path, method, body) {
  const options = { method: method || "GET", headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    const error = answer.error || {};
    throw new Error([error.message || "the box did not answer", error.hint].filter(Boolean).join(" "));
  }
  return answer;
}

function make(tag, options, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(options || {})) {
    if (key === "text") element.textContent = value;
    else if (key === "class") element.className = value;
    else if (value !== undefined && value !== null) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

function words(name) {
  const text = name.replace(/[-_.]/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function time(ms, long) {
  const style = long ? { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" } : { timeStyle: "medium", hourCycle: "h23" };
  try {
    return new Intl.DateTimeFormat(undefined, { ...style, timeZone: state.zone }).format(new Date(ms));
  } catch {
    return new Date(ms).toISOString();
  }
}

// ---- the door and its devices

const LEVELS = {
  relay: ["released", "pulled"], lamp: ["dark", "lit"], buzzer: ["silent", "sounding"],
  contact: ["closed", "open"], button: ["not pressed", "pressed"],
};

function level(device) {
  const pair = LEVELS[device.kind] || ["off", "on"];
  return device.on === null || device.on === undefined ? "ready" : pair[device.on ? 1 : 0];
}

function colour(name) {
  return name.includes("red") ? "red" : name.includes("green") || name.includes("strike") ? "green" : "amber";
}

function deviceItem(device) {
  const dot = make("span", { class: "dot", "aria-hidden": "true" });
  const text = make("span", {}, make("span", { class: "name", text: words(device.name) }),
    make("span", { class: "level" }));
  return make("li", { "data-device": device.name }, dot, text);
}

function paintDevice(device) {
  const item = document.querySelector(`[data-device="${CSS.escape(device.name)}"]`);
  if (!item) return;
  const dot = item.querySelector(".dot");
  dot.dataset.on = String(Boolean(device.on));
  dot.dataset.colour = colour(device.name);
  item.querySelector(".level").textContent = level(device);
  const button = document.querySelector(`[data-input="${CSS.escape(device.name)}"]`);
  if (button) button.setAttribute("aria-pressed", String(Boolean(device.on)));
  paintDoor();
}

function paintDoor() {
  const of = (kind) => [...state.devices.values()].find((device) => device.kind === kind);
  const relay = of("relay");
  const contact = of("contact");
  const unlocked = Boolean(relay && relay.on);
  const open = Boolean(contact && contact.on === true);
  const name = unlocked ? "unlocked" : "locked";
  const leaf = byId("leaf");
  leaf.dataset.state = name;
  leaf.dataset.open = String(open);
  const big = byId("door-state");
  const text = relay ? (unlocked ? "Unlocked" : "Locked") + (open ? ", open" : "") : "No strike on this board";
  if (big.textContent !== text) big.textContent = text;
  big.dataset.state = name;
}

function inputItem(device) {
  const button = make("button", { type: "button", "data-input": device.name, "aria-pressed": "false",
    text: `${device.kind === "button" ? "Press" : "Open"} ${words(device.name).toLowerCase()}` });
  if (device.kind === "button") {
    button.removeAttribute("data-input");
    button.removeAttribute("aria-pressed");
    button.addEventListener("click", () => press(device.name));
  } else {
    button.addEventListener("click", () => toggle(device.name));
  }
  return make("li", {}, button);
}

const put = (name, on) => ask(`/api/contacts/${encodeURIComponent(name)}`, "PUT", { on });

async function press(name) {
  await tryIt(async () => {
    await put(name, true);
    await new Promise((done) => setTimeout(done, 200));
    await put(name, false);
  });
}

const toggle = (name) => tryIt(() => put(name, !state.devices.get(name).on));

async function tryIt(action) {
  byId("problem").textContent = "";
  try {
    await action();
  } catch (error) {
    byId("problem").textContent = error.message;
  }
}

function showDevices(answer) {
  state.devices = new Map(answer.devices.map((device) => [device.name, device]));
  state.simulated = answer.board.simulated;
  byId("devices").replaceChildren(...answer.devices.map(deviceItem));
  const inputs = answer.devices.filter((device) => ["contact", "button"].includes(device.kind));
  byId("inputs").replaceChildren(...inputs.map(inputItem));
  byId("inputs-part").hidden = inputs.length === 0;
  const readers = answer.devices.filter((device) => device.kind === "reader");
  byId("reader").replaceChildren(...readers.map((device) => make("option", { value: device.name, text: device.name })));
  byId("reader-field").hidden = readers.length < 2;
  byId("reader-card").hidden = !state.simulated || readers.length === 0;
  answer.devices.forEach(paintDevice);
  paintDoor();
}

// ---- badges

const tap = (number) => tryIt(() => ask("/api/tap", "POST", { reader: byId("reader").value || null, number }));

function showSamples(demo) {
  const items = (demo.badges || []).map((badge) => {
    const button = make("button", { type: "button", text: badge.label });
    button.addEventListener("click", () => tap(badge.number));
    return make("li", {}, button);
  });
  byId("samples").replaceChildren(...items);
  byId("samples-part").hidden = items.length === 0;
}

// ---- the ledger, the dapps and the log

function showLedger(head, height, events) {
  byId("head").textContent = head.slice(0, 12);
  byId("head").title = head;
  byId("height").textContent = String(height);
  byId("durable").textContent = String(events.durable);
  byId("pending").textContent = String(events.pending);
}

function showStatus(status) {
  state.status = status;
  state.zone = status.timezone;
  byId("org").textContent = status.org_name;
  document.title = `${status.org_name}: ${status.node}`;
  byId("node").textContent = `Box ${status.node}, board ${status.board.name}, organisation ${status.org.slice(0, 12)}`;
  showLedger(status.head, status.height, status.events);
  byId("clock").textContent = status.clock.trusted ? "trusted" : "not trusted";
  const clock = status.clock.trusted ? null : status.clock.reason;
  const trouble = [status.disk_trouble, clock, ...boxTroubles(status)].filter(Boolean).join(" ");
  showBoxes(status);
  showProposals().catch(() => {});
  showUpdates().catch(() => {});
  const warning = byId("warning");
  warning.hidden = trouble === "";
  if (warning.textContent !== trouble) warning.textContent = trouble;
  state.dapps = new Map(status.dapps.map((dapp) => [dapp.name, dapp]));
  showDapps();
}

function showDapps() {
  const items = [...state.dapps.values()].map((dapp) => make("li", {},
    make("strong", { text: dapp.name }), ` ${dapp.version} `,
    make("span", { class: "badge", "data-state": dapp.state, text: dapp.state }),
    make("span", { class: "quiet", text: dapp.reason ? ` ${dapp.reason}` : "" })));
  byId("dapps").replaceChildren(...(items.length ? items : [make("li", { class: "quiet", text: "none" })]));
}

function said(entry) {
  const data = entry.data || {};
  const reason = data.reason || data.message || data.text;
  if (typeof reason === "string") return reason;
  return Object.entries(data).map(([key, value]) => `${key}: ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ");
}

function subject(data) {
  return [data.name || data.member || data.person, data.result].filter((part) => typeof part === "string").join(" ");
}

function logItem(entry) {
  const data = entry.data || {};
  const result = typeof data.result === "string" ? data.result : "";
  const stamp = make("time", { datetime: new Date(entry.at).toISOString(), title: time(entry.at, true), text: time(entry.at) });
  const title = [words(entry.kind), subject(data)].filter(Boolean).join(": ");
  const what = make("span", { class: "what" }, make("span", { class: "kind", text: title }),
    make("span", { class: "quiet", text: `${said(entry)} (${entry.dapp}, ${entry.node}, event ${entry.seq})` }));
  return make("li", { "data-result": result }, stamp, what);
}

function decided(entry) {
  const data = entry.data || {};
  if (typeof data.result !== "string") return;
  byId("reason").textContent = [subject(data), said(entry)].filter(Boolean).join(": ");
}

function addEvent(entry) {
  // Each box counts its own events.
  if (entry.seq <= (state.lastSeq.get(entry.node) || 0)) return;
  state.lastSeq.set(entry.node, entry.seq);
  const log = byId("log");
  log.prepend(logItem(entry));
  while (log.children.length > LOG_LINES) log.lastElementChild.remove();
  byId("log-empty").hidden = true;
  decided(entry);
}

// ---- live

function heard(message) {
  if (message.type === "device") {
    state.devices.set(message.name, message);
    paintDevice(message);
  } else if (message.type === "badge") {
    byId("reason").textContent = "A badge is at the reader.";
  } else if (message.type === "event") {
    addEvent(message);
  } else if (message.type === "dapp") {
    state.dapps.set(message.name, message);
    showDapps();
  } else if (message.type === "ledger") {
    showLedger(message.head, message.height, message.events);
    showProposals().catch(() => {});
  }
}

function link(name, text) {
  const element = byId("link");
  if (element.dataset.state === name) return;
  element.dataset.state = name;
  element.textContent = text;
}

async function load() {
  const [status, devices, log] = await Promise.all([ask("/api/status"), ask("/api/devices"), ask("/api/log?limit=50")]);
  showStatus(status);
  showDevices(devices);
  log.events.forEach(addEvent);
  if (state.simulated) showSamples(await ask("/api/demo").catch(() => ({})));
}

function listen() {
  const live = new EventSource("/api/live");
  live.addEventListener("open", () => {
    link("live", "live");
    load().catch((error) => { byId("problem").textContent = error.message; });
  });
  live.addEventListener("message", (message) => heard(JSON.parse(message.data)));
  live.addEventListener("error", () => link("lost", "connection lost, trying again"));
}

byId("tap-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = byId("number");
  tap(field.value.trim());
  field.select();
});
setInterval(() => ask("/api/status").then(showStatus).catch(() => {}), 15000);
listen();
