// The other boxes and what waits for them: read with the status, shown in two lists. It uses app.js's `ask` and `make`
// when it is called, and like there, text is only ever text.
"use strict";

const STANDINGS = { final: "final", waiting: "waiting", "left-out": "left out", unknown: "unknown" };

function boxItem(peer, votes, conduct) {
  const state = peer.connected ? "connected" : "not connected";
  const weight = votes.get(peer.node);
  const notes = [weight ? `votes with ${weight}` : "has no vote", peer.address];
  const misdeeds = conduct[peer.key];
  if (misdeeds) notes.push(`${misdeeds.misdeeds} misdeeds, the last: ${misdeeds.last}`);
  return make("li", {}, make("strong", { text: peer.node }),
    make("span", { class: "badge", "data-state": peer.connected ? "running" : "waiting", text: state }),
    make("span", { class: "quiet", text: ` ${notes.filter(Boolean).join(", ")}` }));
}

function showBoxes(status) {
  const network = status.network || { peers: [] };
  const agreement = status.agreement || { validators: [], clones: [], conduct: {} };
  const votes = new Map(agreement.validators.map((one) => [one.node, one.weight]));
  const items = network.peers.map((peer) => boxItem(peer, votes, agreement.conduct));
  document.getElementById("boxes").replaceChildren(...items);
  document.getElementById("boxes-card").hidden = items.length === 0;
}

// What a person should know: a key in use twice, a network that is not there, news that is old.
function boxTroubles(status) {
  const clones = (status.agreement ? status.agreement.clones : []).map((clone) =>
    `The key ${clone.key.slice(0, 12)} is in use twice: a copied card, or an old backup.`);
  const network = status.network || {};
  const minutes = Math.floor((network.stale_ms || 0) / 60000);
  const stale = minutes > 0 ? `No word from another box for ${minutes} min.` : null;
  return [...clones, network.trouble, stale].filter(Boolean);
}

function proposalItem(proposal) {
  const text = proposal.reason ? `${proposal.subject}: ${proposal.reason}` : proposal.subject;
  return make("li", {}, make("strong", { text: proposal.writer }),
    make("span", { class: "badge", "data-state": proposal.state === "left-out" ? "broken" : "waiting", text: STANDINGS[proposal.state] || proposal.state }),
    make("span", { class: "quiet", text: ` ${text} (${proposal.head.slice(0, 12)})` }));
}

async function showProposals() {
  const answer = await ask("/api/proposals");
  document.getElementById("proposals").replaceChildren(...answer.proposals.map(proposalItem));
  document.getElementById("proposals-part").hidden = answer.proposals.length === 0;
}
