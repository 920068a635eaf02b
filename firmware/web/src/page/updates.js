// Which release every box runs and wants, how far it is and why it waits; what became of updates of this one. It uses
// app.js's `ask`, `make` and `time` when it is called, and like there, text is only ever text.
"use strict";

const STAGES = { looking: "looking", writing: "writing", checking: "reading back", ready: "ready to restart", "on-trial": "on trial", "going-back": "going back" };
const OUTCOMES = { installed: "installed", "not-written": "not written", "rolled-back": "rolled back", "went-back": "taken back by hand", stuck: "not healthy" };

function updateItem(box) {
  const stage = STAGES[box.stage];
  const percent = box.percent ? ` ${box.percent} %` : "";
  const notes = [stage ? `runs ${box.running || "an unknown release"}` : null, box.wanted ? `wants ${box.wanted}` : null, box.waits];
  return make("li", {}, make("strong", { text: box.node }),
    make("span", { class: "badge", "data-state": stage ? "starting" : "running", text: stage ? stage + percent : box.running || "not known" }),
    make("span", { class: "quiet", text: ` ${notes.filter(Boolean).join(", ")}` }));
}

function pastUpdateItem(past) {
  return make("li", {}, make("strong", { text: past.version }),
    make("span", { class: "badge", "data-state": past.what === "installed" ? "running" : "broken", text: OUTCOMES[past.what] || past.what }),
    make("span", { class: "quiet", text: ` ${[time(past.at, true), past.why].filter(Boolean).join(": ")}` }));
}

function versionOf(release) {
  return release ? release.version : null;
}

async function showUpdates() {
  const answer = await ask("/api/updates");
  const own = { ...answer, running: versionOf(answer.running), wanted: versionOf(answer.wanted) };
  const others = answer.nodes.filter((node) => node.at !== null);
  const boxes = answer.can && (own.running || own.wanted) ? [own, ...others] : others;
  document.getElementById("updates").replaceChildren(...boxes.map(updateItem));
  document.getElementById("updates-card").hidden = boxes.length === 0;
  document.getElementById("past-updates").replaceChildren(...answer.history.slice(0, 5).map(pastUpdateItem));
  document.getElementById("past-updates-part").hidden = answer.history.length === 0;
}
