//! `init`: an organisation, and this box as its first node.

use crate::{
    context::Context,
    error::{Hint, Result},
    people,
    random::draw,
    when,
};
use agent::{
    home::Home,
    init::{InitOptions, Seeds},
};
use clap::Args;
use model::Name;
use serde_json::json;

const BADGE_KEY: &str = "secrets/badge.key";

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
    /// The founder's name as it is shown, such as "Alice Example" [default: the name in the ledger]
    #[arg(long, value_name = "TEXT")]
    founder_name: Option<String>,
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
        people::check_name(&self.founder)?;
        let founder_name = self.founder_name.clone().unwrap_or_else(|| self.founder.to_string());
        let options = InitOptions {
            org: self.org.clone(),
            timezone: timezone.clone(),
            founder: self.founder.clone(),
            founder_name: founder_name.clone(),
            node: self.node.clone(),
            now: when::now(),
            seeds: Seeds { founder: draw()?, node: draw()?, badge: draw()? },
        };
        let place = context.home.display();
        let home = Home::init(&context.home, options).hint(
            || format!("cannot make an organisation in {place}"),
            "name an empty folder, or one that is not there yet, with --home",
        )?;
        let value = json!({
            "org": home.org(), "org_name": self.org, "timezone": timezone, "founder": self.founder,
            "founder_name": founder_name, "node": self.node, "home": home.folder(),
            "secrets": [format!("keys/{}", self.founder), "keys/node", BADGE_KEY],
        });
        context.out.show(&self.said(&home), &value)
    }

    fn said(&self, home: &Home) -> String {
        let (founder, node, place) = (&self.founder, &self.node, home.folder().display());
        let secrets = [
            (
                format!("keys/{founder}"),
                format!("{founder}'s key; if it is lost, nobody can change the policy"),
            ),
            (
                "keys/node".into(),
                format!("{node}'s key; if it is lost, this box can add nothing to the ledger"),
            ),
            (
                BADGE_KEY.into(),
                "hashes the badges; if it is lost, every badge must be entered anew".to_string(),
            ),
        ];
        let width = secrets.iter().map(|(file, _)| file.len()).max().unwrap_or(0);
        let secrets: String =
            secrets.iter().map(|(file, loss)| format!("  {file:<width$}  {loss}\n")).collect();
        format!(
            "{} is organisation {}\n\
             {founder} signs for it. These files are in {place} and in no block; keep a copy, and keep it secret:\n\
             {secrets}\
             next:\n  \
               ledgerctl people add NAME\n  \
               ledgerctl badge add NAME\n  \
               ledgerctl certificate grant NAME frontdoor\n  \
               ledgerctl dapp publish FOLDER\n  \
               ledgerd --home {place}\n",
            self.org,
            home.org(),
        )
    }
}
