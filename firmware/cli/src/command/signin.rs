//! `signin`: a link with which a person's browser acts on the page.

use crate::{
    agent_client::AgentClient,
    context::Context,
    error::{Result, refused},
    keyring,
    random::draw,
    view::View,
};
use agent::{
    visitors::Secret,
    wire::{SignIn, SignInLink},
};
use clap::Args;
use serde_json::json;

/// Print a link that signs a browser in to the page
///
/// The link works once and for five minutes. Who follows it can do on the page what the person's key on this box allows:
/// with --as, that of another person whose key is here.
#[derive(Debug, Args)]
pub struct Signin {}

impl Signin {
    pub(super) fn run(&self, context: &Context) -> Result {
        let person = keyring::signer_name(context, &View::open(context)?)?;
        let Some(agent) = AgentClient::find(&context.home)? else {
            return Err(refused(
                "no ledgerd runs, so there is no page",
                "start ledgerd, then run this again",
            ));
        };
        let (link, session) = (Secret::new(draw()?), Secret::new(draw()?));
        let asked = SignIn { person: person.clone(), link: link.hash(), session };
        let SignInLink { page, seconds } = agent.post("/v1/signin", &asked)?;
        let link = format!("http://{page}/signin/{}", String::from(link));
        let text = format!("{link}\nfollow it within {} minutes to act as {person}\n", seconds / 60);
        context.out.show(&text, &json!({"link": link, "person": person, "seconds": seconds}))
    }
}
