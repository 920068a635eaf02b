//! `git`: whether the ledger can be cloned from this box, and by whom.

use crate::{context::Context, error::Result, link, output::Table, random::draw, view::View, when};
use agent::{
    visitors::Secret,
    wire::{GitAccess, GitServe, NewGitToken},
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

/// Cloning the ledger from this box with git
#[derive(Debug, Subcommand)]
pub enum Git {
    /// Show whether it is on, and which tokens are good
    Show,
    Serve(Serve),
    Token(Token),
    Revoke(Revoke),
}

/// Turn cloning on or off; it is off at first
#[derive(Debug, Args)]
pub struct Serve {
    /// On or off
    state: Switch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// Whoever has a token can clone
    On,
    /// Nobody can
    Off,
}

/// Make a token for somebody who may read the whole ledger
///
/// It is shown once. `git clone http://token:TOKEN@BOX:8080/git/ledger.git`
#[derive(Debug, Args)]
pub struct Token {
    /// How long it is good, such as 30d, 8h or a date
    #[arg(long = "for", value_name = "TIME", default_value = "30d")]
    lasts: String,
}

/// End a token before its time
#[derive(Debug, Args)]
pub struct Revoke {
    /// The token's id, as `ledgerctl git show` has it
    id: String,
}

impl Git {
    pub(super) fn run(&self, context: &Context) -> Result {
        match self {
            Self::Show => show(context, &link::git_access(context)?),
            Self::Serve(it) => {
                let serve = it.state == Switch::On;
                show(context, &link::serve_git(context, &GitServe { serve })?)
            }
            Self::Token(it) => it.run(context),
            Self::Revoke(it) => {
                link::revoke_git_token(context, &it.id)?;
                let text = format!("token {} is good no more\n", it.id);
                context.out.show(&text, &json!({ "revoked": it.id }))
            }
        }
    }
}

fn show(context: &Context, access: &GitAccess) -> Result {
    let zone = View::open(context)?.zone();
    let mut table = Table::new(&["TOKEN", "GOOD UNTIL"], "no tokens");
    for token in &access.tokens {
        table.row([token.id.clone(), when::show(token.expires, &zone)]);
    }
    if !context.out.json {
        context.out.line(if access.serve { "cloning is on" } else { "cloning is off" })?;
    }
    context.out.table(&table, &serde_json::to_value(access)?)
}

impl Token {
    fn run(&self, context: &Context) -> Result {
        let zone = View::open(context)?.zone();
        let expires = when::future(&self.lasts, when::now(), &zone)?;
        let secret = Secret::new(draw()?);
        let id = secret.hash().short();
        let access = link::add_git_token(context, &NewGitToken { hash: secret.hash(), expires })?;
        let token = String::from(secret);
        let off = if access.serve { "" } else { "cloning is off: ledgerctl git serve on\n" };
        let text = format!(
            "{token}\ngood until {}; it is not shown again\ngit clone http://token:{token}@BOX:8080/git/ledger.git\n{off}",
            when::show(expires, &zone)
        );
        context.out.show(&text, &json!({"token": token, "id": id, "expires": expires}))
    }
}
