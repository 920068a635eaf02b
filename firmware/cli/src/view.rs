//! The ledger as a command reads it: the branch that the box follows at its newest block, straight from
//! `DIR/ledger.git`.
//!
//! Works whether ledgerd runs or not: what is in the repository is whole and durable, and never changes under a
//! reader. Events that wait in the write-ahead log are not here; see [`link`](crate::link).

use crate::{
    context::Context,
    error::{Hint, Result, refused},
    keyring, when,
};
use agent::home::Home;
use anyhow::Context as _;
use jiff::tz::TimeZone;
use ledger::{Block, MAIN, OrgDocument, Owner, Policy, Signer, State};
use model::{BlockId, Document, Name, OrgId, StatePath};
use std::path::Path;
use store::{GitObjects, RefName};

/// A branch at its newest block.
pub struct View {
    objects: GitObjects,
    block: Block,
    org: OrgDocument,
}

impl View {
    /// The branch that the box follows; main, of a home that was not finished.
    pub fn open(context: &Context) -> Result<Self> {
        let home = Home::open(&context.home);
        let main = || MAIN.parse().expect("because \"main\" is a name");
        Self::of(context, &home.map_or_else(|_| main(), |home| home.branch().clone()))
    }

    /// A branch that this box has, followed or not.
    pub fn of(context: &Context, branch: &Name) -> Result<Self> {
        let folder = context.home.join("ledger.git");
        if !folder.exists() {
            return Err(no_home(&context.home));
        }
        let damaged = || format!("the ledger in {} cannot be read", folder.display());
        let fetch = "fetch it again from another box (git clone --bare), or bring back a copy; then: ledgerctl verify";
        let objects = GitObjects::open(&context.home).hint(damaged, fetch)?;
        let head = objects.head(&RefName::Head(branch.clone())).hint(damaged, fetch)?;
        let head = head.ok_or_else(|| no_branch(&context.home, branch))?;
        let block = Block::read(&objects, head).hint(damaged, fetch)?;
        let org = State::at_tree(&objects, block.tree).org().hint(damaged, fetch)?;
        Ok(Self { objects, block, org })
    }

    /// The objects.
    pub fn objects(&self) -> &GitObjects {
        &self.objects
    }

    /// The branch's name.
    pub fn branch(&self) -> &Name {
        &self.block.branch
    }

    /// The newest block's id.
    pub fn head(&self) -> BlockId {
        self.block.id
    }

    /// The newest block.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// The newest block's height.
    pub fn height(&self) -> u64 {
        self.block.height.unwrap_or(0)
    }

    /// The state after the newest block.
    pub fn state(&self) -> State<'_> {
        State::at_tree(&self.objects, self.block.tree)
    }

    /// The organisation.
    pub fn org(&self) -> &OrgDocument {
        &self.org
    }

    /// The organisation's id.
    pub fn org_id(&self) -> OrgId {
        self.block.org
    }

    /// The organisation's time zone.
    pub fn zone(&self) -> TimeZone {
        when::zone(&self.org.timezone)
    }

    /// The policy.
    pub fn policy(&self) -> Result<Policy> {
        Ok(self.state().policy()?)
    }

    /// The bytes of a file; none if there is none.
    pub fn bytes(&self, path: &StatePath) -> Result<Option<Vec<u8>>> {
        self.state().read(path).with_context(|| format!("cannot read {path}"))
    }

    /// A document; none if there is none.
    pub fn document(&self, path: &StatePath) -> Result<Option<Document>> {
        self.state().document(path).with_context(|| format!("cannot read {path}"))
    }

    /// The documents below a folder.
    pub fn documents(&self, folder: &str) -> Result<Vec<(StatePath, Document)>> {
        self.state().documents(folder).with_context(|| format!("cannot read {folder}/"))
    }

    /// The files below a folder; "" is everything.
    pub fn files(&self, folder: &str) -> Result<Vec<StatePath>> {
        self.state().list(folder).with_context(|| format!("cannot list {folder}/"))
    }

    /// The person who signed the genesis block.
    pub fn founder(&self) -> Result<Name> {
        Ok(Block::read(&self.objects, BlockId::new(*self.org_id().as_bytes()))?.author_name)
    }

    /// The text of the allowed-signers file.
    pub fn allowed_signers(&self) -> Result<String> {
        Ok(ledger::allowed_signers(&self.state())?)
    }

    /// Refused early, before anything large moves, if the person who would sign may not write the path.
    pub fn must_be_allowed(&self, context: &Context, path: &StatePath) -> Result {
        let signer = keyring::signer(context, self)?;
        let signer = Signer {
            key: signer.key.public().id(),
            owner: Owner::Person(signer.name),
            active_node: false,
            dapp: None,
        };
        self.policy()?.may_write(&signer, path).hint(
            || "the policy does not allow it".to_string(),
            "ledgerctl policy who-may PATH shows who may; ledgerctl policy set FILE changes the rules",
        )
    }
}

fn no_branch(home: &Path, branch: &Name) -> anyhow::Error {
    if branch.as_str() == MAIN {
        return no_home(home);
    }
    refused(format!("this box knows no branch {branch}"), "ledgerctl branch list shows those that it knows")
}

fn no_home(home: &Path) -> anyhow::Error {
    refused(
        format!("there is no ledger in {}", home.display()),
        "name another home with --home, or make an organisation: ledgerctl init --org NAME --founder NAME",
    )
}
