//! The rules of cloning: through the ledgerd that runs, or in the home itself.

use super::{Way, way};
use crate::{
    agent_client::AgentClient,
    context::Context,
    error::{Hint, Result},
    when,
};
use agent::{
    home::Home,
    visitors::{Access, AccessError},
    wire::{GitAccess, GitServe, NewGitToken},
};

/// How it stands.
pub fn git_access(context: &Context) -> Result<GitAccess> {
    change(context, |agent| agent.get("/v1/git"), |_| Ok(()))
}

/// Turns it on or off.
pub fn serve_git(context: &Context, serve: &GitServe) -> Result<GitAccess> {
    change(context, |agent| agent.put("/v1/git", serve), |access| access.serve(serve.serve))
}

/// Takes in a token.
pub fn add_git_token(context: &Context, token: &NewGitToken) -> Result<GitAccess> {
    let add = |access: &Access| access.add(token.hash, token.expires, when::now());
    change(context, |agent| agent.post("/v1/git/tokens", token), add)
}

/// Ends a token.
pub fn revoke_git_token(context: &Context, id: &str) -> Result<GitAccess> {
    let path = format!("/v1/git/tokens/{}", crate::agent_client::encode(id));
    change(context, |agent| agent.delete(&path), |access| access.revoke(id))
}

fn change(
    context: &Context,
    ask: impl FnOnce(&AgentClient) -> Result<GitAccess>,
    change: impl FnOnce(&Access) -> Result<(), AccessError>,
) -> Result<GitAccess> {
    match way(context)? {
        Way::Agent(agent) => ask(&agent),
        // Whoever has the ledger open has its lock: no ledgerd reads the rules meanwhile.
        Way::Still(_locked) => {
            let access = Access::open(&Home::open(&context.home)?);
            change(&access)
                .hint(|| "nothing was changed".into(), "ledgerctl git show lists what is there")?;
            Ok(access.show(when::now()))
        }
    }
}
