//! `invite` and `join`: how a new box comes to belong.

use crate::{
    agent_client::AgentClient,
    context::Context,
    error::{Result, misused, refused, with_hint},
    progress::Progress as Bar,
    random::draw,
    when,
};
use agent::{
    join::{JoinError, Joining, Progress, Ticket, join},
    peers::NetSettings,
    wire::{Invitation, Invite as Wanted},
};
use clap::Args;
use model::Name;
use qrcode::{EcLevel, QrCode, render::unicode::Dense1x2};
use serde_json::json;

/// Print a ticket with which one new box may ask to belong
///
/// Show it to whoever sets the box up. It is good for one box and for a while; a person approves the box that comes
/// with it (ledgerctl nodes approve).
#[derive(Debug, Args)]
pub struct Invite {
    /// How long the ticket is good, such as 24h or "3 days"
    #[arg(long = "for", value_name = "TIME", default_value = "24h")]
    lasts: String,
    /// The text alone, no picture
    #[arg(long)]
    text: bool,
}

/// Make this box one of an organisation's, by a ticket
///
/// Run it on the new box. It waits until somebody has approved the box; run again, it goes on where it was.
#[derive(Debug, Args)]
pub struct Join {
    /// The ticket that `ledgerctl invite` printed on a box of the organisation
    ticket: String,
    /// What this box is to be called, such as laser-cutter
    #[arg(long)]
    name: Name,
    /// The board that it runs on
    #[arg(long, default_value = "sim")]
    board: Name,
    /// Where it hangs, for people
    #[arg(long, default_value = "")]
    place: String,
    /// The UDP port on which it listens meanwhile; 0 is any
    #[arg(long, default_value_t = 0)]
    port: u16,
}

impl Invite {
    pub(super) fn run(&self, context: &Context) -> Result {
        let agent = AgentClient::find(&context.home)?.ok_or_else(|| {
            refused("no ledgerd runs here, so nobody could knock", "start ledgerd, then run this again")
        })?;
        let expires = when::future(&self.lasts, when::now(), &when::zone("UTC"))?;
        let secret = hex::encode(draw::<16>()?);
        let invitation: Invitation = agent.post("/v1/invites", &Wanted { secret, expires })?;
        let said = if self.text { format!("{}\n", invitation.ticket) } else { shown(&invitation.ticket) };
        context.out.show(&said, &json!({ "ticket": invitation.ticket, "expires": invitation.expires }))
    }
}

fn shown(ticket: &str) -> String {
    format!(
        "{}\n{ticket}\n\non the new box:\n  ledgerctl join --name NAME TICKET\nthen here:\n  ledgerctl nodes pending\n  \
         ledgerctl nodes approve NAME\n",
        picture(ticket).unwrap_or_default()
    )
}

/// The ticket as a picture of half blocks, dark on light as readers expect.
fn picture(ticket: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(ticket.as_bytes(), EcLevel::L).ok()?;
    Some(code.render::<Dense1x2>().dark_color(Dense1x2::Light).light_color(Dense1x2::Dark).build())
}

impl Join {
    pub(super) fn run(&self, context: &Context) -> Result {
        let ticket: Ticket = self.ticket.parse().map_err(|error| {
            misused(format!("{error}"), "ledgerctl invite, on a box of the organisation, prints a ticket")
        })?;
        let joining = Joining {
            ticket,
            home: context.home.clone(),
            name: self.name.clone(),
            board: self.board.clone(),
            place: self.place.clone(),
            seed: draw()?,
            net: NetSettings { port: self.port, ..NetSettings::default() },
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut teller = Teller { name: &self.name, quiet: context.out.json, bar: None };
        let joined = runtime.block_on(join(joining, when::now(), &mut |progress| teller.tell(&progress)));
        drop(teller);
        let home = joined.map_err(|error| explained(error, context))?;
        let place = home.folder().display();
        let said = format!("{} belongs to {} now\nnext:\n  ledgerd --home {place}\n", self.name, home.org());
        context.out.show(&said, &json!({ "node": self.name, "org": home.org(), "home": home.folder() }))
    }
}

/// What happens, on stderr: a line each, and a bar where blocks are counted.
struct Teller<'a> {
    name: &'a Name,
    quiet: bool,
    bar: Option<Bar>,
}

impl Teller<'_> {
    fn tell(&mut self, progress: &Progress) {
        match progress {
            Progress::Key(key) => self.line(&format!("this box's key is {key}")),
            Progress::Unreachable(why) => {
                self.line(&format!("the inviter cannot be reached: {why}; trying again"));
            }
            Progress::Waits => self.line(&format!(
                "asked. Somebody compares the key and runs, on a box of the organisation:\n  ledgerctl nodes approve {}",
                self.name
            )),
            Progress::Approved => {
                self.line("approved; the ledger comes");
                self.bar = Some(Bar::of_things("blocks have come", self.quiet));
            }
            Progress::Fetched { blocks, .. } => self.count(*blocks),
            Progress::Checked(1) => self.bar = Some(Bar::of_things("blocks are checked", self.quiet)),
            Progress::Checked(blocks) => self.count(*blocks),
        }
    }

    fn line(&self, line: &str) {
        if !self.quiet {
            eprintln!("{line}");
        }
    }

    fn count(&mut self, blocks: u64) {
        if let Some(bar) = &mut self.bar {
            bar.at(blocks);
        }
    }
}

fn explained(error: JoinError, context: &Context) -> anyhow::Error {
    let hint = match &error {
        JoinError::Home(_) => format!("name another folder with --home than {}", context.home.display()),
        JoinError::Expired | JoinError::Unknown | JoinError::OtherOrg => {
            "ledgerctl invite, on a box of the organisation, prints a new ticket".into()
        }
        JoinError::BadName(_) => "choose another with --name".into(),
        JoinError::Rejected => "ask the people of the organisation why".into(),
        _ => "run the same command again: it goes on where it was".into(),
    };
    with_hint(error.into(), "this box has not joined".to_string(), &hint)
}
