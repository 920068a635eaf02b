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
}

async function signOut() {
  await ask("/api/signout", "POST", {});
  location.replace("/");
}

addEventListener("DOMContentLoaded", () => {
  document.getElementById("signout").addEventListener("click", () => tryIt(signOut));
  showVisitor().catch(() => {});
});
