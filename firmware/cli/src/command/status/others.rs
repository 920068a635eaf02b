//! The part of `status` that is about other boxes: who is there, who votes, what waits, what is wrong.

use super::fact;
use crate::{output::Style, when};
use agent::{
    view::View,
    wire::{Agreement, Network, PeerStatus, Status},
};
use model::Name;

/// The facts, one a line; none for an organisation of one box with nothing to say.
pub(super) fn facts(status: &Status, style: Style) -> String {
    let mut text = network(&status.network, style);
    text += &peers(status, style);
    if let Some(agreement) = &status.agreement {
        text += &votes(agreement, style);
    }
    text
}

/// What the ledger alone says of other boxes, where no ledgerd runs that could meet them.
pub(super) fn known(view: &View, own: &Name, agreement: &Agreement, style: Style) -> String {
    let mut nodes: Vec<Name> = view.node_keys().into_values().map(|(_, name)| name).collect();
    nodes.retain(|name| name != own);
    nodes.sort();
    let line = |name: &Name| {
        let state = style.yellow("not connected: ledgerd does not run");
        fact("node", &format!("{name}  {state}"))
    };
    nodes.iter().map(line).collect::<String>() + &votes(agreement, style)
}

fn network(network: &Network, style: Style) -> String {
    let mut text = String::new();
    if let Some(trouble) = &network.trouble {
        text += &fact("network", &style.red(trouble));
    }
    if network.stale_ms > 60_000 {
        let news = format!("no word from another box for {}", when::span(network.stale_ms));
        text += &fact("news", &style.yellow(&news));
    }
    text
}

fn peers(status: &Status, style: Style) -> String {
    let conduct = status.agreement.as_ref().map(|agreement| &agreement.conduct);
    let line = |peer: &PeerStatus| {
        let state = match &peer.address {
            _ if !peer.connected => style.yellow("not connected"),
            Some(address) => format!("{} at {address}", style.green("connected")),
            None => format!("{} through a relay", style.green("connected")),
        };
        let misdeeds = conduct.and_then(|conduct| conduct.get(&peer.key));
        let misdeeds = misdeeds.map_or_else(String::new, |conduct| {
            let banned = if conduct.banned_until.is_some() { ", banned" } else { "" };
            style.red(&format!("  {} misdeeds, the last: {}{banned}", conduct.misdeeds, conduct.last))
        });
        fact("node", &format!("{}  {state}{misdeeds}", peer.node))
    };
    status.network.peers.iter().map(line).collect()
}

fn votes(agreement: &Agreement, style: Style) -> String {
    let mut text = String::new();
    if !agreement.alone {
        let names: Vec<String> =
            agreement.validators.iter().map(|one| format!("{} ({})", one.node, one.weight)).collect();
        text += &fact("votes", &names.join(", "));
    }
    let waits = agreement.waiting + agreement.left_out;
    if waits > 0 {
        let counts = format!(
            "{} wait, {} left out; ledgerctl proposals shows them",
            agreement.waiting, agreement.left_out
        );
        text += &fact("changes", &style.yellow(&counts));
    }
    for clone in &agreement.clones {
        let warning = format!("the key {} is in use twice: a copied card, or an old backup", clone.key);
        text += &fact("clone", &style.red(&warning));
    }
    text
}
