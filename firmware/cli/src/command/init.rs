//! `init`: an organisation, and this box as its first node.

use crate::{
    context::Context,
    error::{Hint, Result},
    when,
};
use agent::{
    home::Home,
    init::{InitOptions, Seeds},
};
use clap::Args;
use model::Name;
use serde_json::json;

/// Make an organisation, and this box its first node
///
/// Draws the keys of the founder, of the node and for badges, writes the first block, and keeps all of it in the home.
/// DIR/keys and DIR/secrets are in no block: keep a copy of them in a safe place.
#[derive(Debug, Args)]
pub struct Init {
    /// The organisation's name, such as "Example Makers"
    #[arg(long, value_name = "TEXT")]
    org: String,
    /// The first person, who has the role `owner`
    #[arg(long, value_name = "PERSON")]
    founder: Name,
    /// Where the organisation's clocks are, such as Europe/Berlin [default: as on this machine]
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// This box's name
    #[arg(long, value_name = "NAME", default_value = "front-door")]
    node: Name,
}

impl Init {
    pub(super) fn run(&self, context: &Context) -> Result {
        let timezone = self.timezone.clone().unwrap_or_else(when::system_zone);
        when::checked_zone(&timezone)?;
        let options = InitOptions {
            org: self.org.clone(),
            timezone: timezone.clone(),
            founder: self.founder.clone(),
            node: self.node.clone(),
            now: when::now(),
            seeds: Seeds { founder: draw()?, node: draw()?, badge: draw()? },
        };
        let place = context.home.display();
        let home = Home::init(&context.home, options).hint(
            || format!("cannot make an organisation in {place}"),
            "name an empty folder, or one that is not there yet, with --home",
        )?;
        let said = format!(
            "{} is organisation {}\n{} signs for it; its key, the box's and the badge key are in {place}: keep a copy\n\
             next: ledgerctl people add NAME, ledgerctl badge add NAME, ledgerd --home {place}\n",
            self.org,
            home.org(),
            self.founder
        );
        let value = json!({
            "org": home.org(), "org_name": self.org, "timezone": timezone, "founder": self.founder,
            "node": self.node, "home": home.folder(),
        });
        context.out.show(&said, &value)
    }
}

fn draw() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| anyhow::anyhow!("the system gives no randomness: {e}"))?;
    Ok(bytes)
}
