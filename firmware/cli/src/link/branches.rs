//! Branches: the first block of a new one, the one that the box follows, and a join.

use super::{Way, proposal, rotating, standing, submit, way};
use crate::{
    agent_client::AgentClient,
    command::conflict_in_words,
    context::Context,
    error::{Hint, Result, refused},
    keyring, output,
    view::View,
    when,
};
use agent::{
    home::Home,
    line::own_end,
    wire::{Done, Follow, Status},
};
use ledger::{Choices, JoinError, Meta, NewBlock};
use model::{BlockId, Name};
use serde_json::json;

/// Brings the first block of a branch in.
pub fn begin_branch(context: &Context, block: NewBlock) -> Result {
    match way(context)? {
        Way::Agent(agent) => agent.post::<Done>("/v1/branches", &proposal(&block)).map(drop),
        Way::Still(mut core) => Ok(core.begin_branch(block.id, &block.objects)?),
    }
}

/// Has the box follow a branch that it knows. A ledgerd that runs begins anew for it, and is waited for.
pub fn follow(context: &Context, branch: &Name) -> Result {
    let Some(agent) = AgentClient::find(&context.home)? else {
        let home = Home::open(&context.home)?;
        return home
            .follow(branch)
            .hint(|| "nothing was changed".into(), "run it as the user who owns the home");
    };
    let before = agent.get::<Status>("/v1/status")?.started;
    let _done: Done = agent.put("/v1/branch", &Follow { branch: branch.clone() })?;
    rotating::await_anew(context, before)
}

/// Signs a join of the branch that ends with `source` to the view's branch, and brings it in.
pub fn join(
    context: &Context,
    view: &View,
    source: (&str, BlockId),
    choices: &Choices,
    message: &str,
) -> Result {
    let signer = keyring::signer(context, view)?;
    let turn = keyring::turn(context, &signer.name)?;
    let author = signer.key.public().id();
    let own = own_end(view.objects(), &author)?;
    let meta = Meta { author, at: when::now(), subject: message.to_string(), dapp: None };
    let draft = ledger::join(view.objects(), view.head(), own, source.1, choices, meta);
    let draft = draft.map_err(|error| explained(error, view.branch(), source.0))?;
    if let Some(abandoned) = draft.abandoned() {
        eprintln!("note: an earlier change of {} is given up: {abandoned}", signer.name);
    }
    let merged = submit(context, draft.sign(&signer.key)?)?;
    drop(turn);
    let (name, into) = (source.0, view.branch());
    let followed = View::open(context)?;
    let text = format!("{name} is proposed to {into}\n{}", standing::text(followed.branch(), &merged));
    let value = json!({
        "branch": name, "into": into, "joins": source.1, "block": merged.block, "height": merged.height,
        "head": merged.head, "state": merged.state,
    });
    context.out.show(&text, &value)
}

/// What stands in the way of a join, and what to do about it.
fn explained(error: JoinError, into: &Name, name: &str) -> anyhow::Error {
    let JoinError::Conflicts(conflicts) = error else {
        return crate::error::with_hint(
            error.into(),
            format!("{name} cannot be joined into {into}"),
            "a join is signed by one person who may write all that it brings: --as PERSON; ledgerctl policy who-may PATH",
        );
    };
    let mut paths: Vec<&str> = conflicts.iter().map(|conflict| conflict.path.as_str()).collect();
    paths.dedup();
    let disagree = output::count(paths.len(), "file", "files");
    let mut text = format!("{into} and {name} disagree about {disagree}");
    text.extend(conflicts.iter().map(|conflict| format!("\n  {}", conflict_in_words(conflict, into, name))));
    let takes: Vec<String> = paths.iter().map(|path| format!("--take theirs {path}")).collect();
    let hint = format!(
        "say for each file whose stands, ours ({into}'s) or theirs ({name}'s): ledgerctl propose {name} --into {into} {}",
        takes.join(" ")
    );
    refused(text, hint)
}
