// Who looks at the page: signed in by a link that `ledgerctl signin` prints, or not. The session's cookie is the browser's
// and out of reach of any script; what this asks is same-origin and changes things by POST alone.
"use strict";

const LINK_IS_OLD = "The link was used already, or is too old: ledgerctl signin prints a new one.";

async function showVisitor() {
  const { person } = await ask("/api/session");
  const line = document.getElementById("visitor");
  if (person) {
    line.textContent = `Signed in as ${person}`;
  } else if (location.hash === "#link-is-old") {
    line.textContent = LINK_IS_OLD;
  }
  document.getElementById("signout").hidden = !person;
  if (!person) return;
  const look = () => showJoins().catch(() => {});
  look();
  setInterval(look, 5000);
}

async function settle(box, word) {
  const problem = document.getElementById("join-problem");
  problem.textContent = "";
  try {
    const answer = await ask(`/api/joins/${word}`, "POST", { key: box.key });
    if (answer.state === "waiting") problem.textContent = "It is kept, and waits for the other boxes to agree.";
    if (answer.state === "left-out") problem.textContent = `It was left out: ${answer.reason}`;
    await showJoins();
  } catch (error) {
    problem.textContent = error.message;
  }
}

function joinItem(box) {
  const button = (text, word) => {
    const element = make("button", { type: "button", class: "small", text, "aria-label": `${text} ${box.name}` });
    element.addEventListener("click", () => settle(box, word));
    return element;
  };
  const about = [`board ${box.board}`, box.place, `asked ${time(box.asked, true)}`].filter(Boolean).join(", ");
  return make("li", {}, make("strong", { text: box.name }), make("span", { class: "quiet", text: ` ${about}, key ` }),
    make("code", { text: box.key }), make("span", { class: "choices" }, button("Approve", "approve"), button("Reject", "reject")));
}

// The boxes that wait for a person's word. Buttons that did not change stay in place, with the focus.
async function showJoins() {
  const { waiting } = await ask("/api/joins");
  const shown = JSON.stringify(waiting);
  const list = document.getElementById("joins");
  document.getElementById("joins-card").hidden = waiting.length === 0 && !document.getElementById("join-problem").textContent;
  if (list.dataset.shown === shown) return;
  list.dataset.shown = shown;
  list.replaceChildren(...waiting.map(joinItem));
}

async function signOut() {
  await ask("/api/signout", "POST", {});
  location.replace("/");
}

addEventListener("DOMContentLoaded", () => {
  document.getElementById("signout").addEventListener("click", () => tryIt(signOut));
  showVisitor().catch(() => {});
});
