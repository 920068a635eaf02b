//! Who has signed a release, and who could still.

use super::Known;
use crate::{
    error::{Result, refused},
    output,
    view::View,
};
use model::{KeyId, Name, PublicKey, StatePath};
use update::{Approval, Authority, NotApproved, Signer};

/// How many must sign, who has, and who has not.
#[derive(Debug)]
pub struct Standing {
    /// So many must.
    pub need: usize,
    /// These have, such as `person:alice`.
    pub signed: Vec<String>,
    /// These could.
    pub open: Vec<String>,
    /// Signatures that do not count, and why.
    pub ignored: Vec<String>,
}

/// Who may release in a channel; refused, with what to do, if nobody may.
pub fn authority(view: &View, channel: &Name) -> Result<(usize, Vec<Signer>)> {
    let rule = view.state().release_signers(channel)?.ok_or_else(|| {
        refused(
            format!("the policy names nobody who may sign releases of the channel {channel}"),
            format!("say who: ledgerctl policy releases {channel} person:NAME; add --threshold 2 where two must sign"),
        )
    })?;
    let signer = |(owner, keys): (ledger::Owner, Vec<PublicKey>)| Signer { name: owner.to_string(), keys };
    Ok((rule.threshold, rule.signers.into_iter().map(signer).collect()))
}

/// Where a key's signature lies.
pub fn signature_path(folder: &StatePath, key: &KeyId) -> Result<StatePath> {
    Ok(folder.join("signed")?.join(&format!("{key}.toml"))?)
}

impl Standing {
    /// How a release of the ledger stands under the policy of now.
    pub fn of(view: &View, known: &Known) -> Result<Self> {
        let approvals: Vec<&Approval> = known.approvals.iter().map(|(_, approval)| approval).collect();
        let (need, signers) = authority(view, &known.release.channel)?;
        Ok(Self::count(need, &signers, &known.text, &approvals))
    }

    /// Counts signatures over a document.
    pub fn count(need: usize, signers: &[Signer], text: &[u8], approvals: &[&Approval]) -> Self {
        let alone = Authority::new(1, signers.to_vec());
        let (mut signed, mut ignored) = (Vec::new(), Vec::new());
        for approval in approvals {
            match alone.approve(text, std::slice::from_ref(*approval)) {
                Ok(approved) => signed.extend(approved.signers().iter().cloned()),
                Err(NotApproved::TooFew { ignored: why, .. }) => {
                    ignored.extend(why.iter().map(ToString::to_string));
                }
                Err(other) => ignored.push(other.to_string()),
            }
        }
        signed.sort();
        signed.dedup();
        let names = signers.iter().map(|signer| signer.name.clone());
        let open = names.filter(|name| !signed.contains(name)).collect();
        Self { need, signed, open, ignored }
    }

    /// Whether boxes take it.
    pub fn is_approved(&self) -> bool {
        self.signed.len() >= self.need
    }

    /// One line: `signed by person:alice, 1 of 2; 1 of person:bob, person:carol is missing`.
    pub fn text(&self) -> String {
        let by = if self.signed.is_empty() { "nobody".into() } else { self.signed.join(", ") };
        let (have, need) = (self.signed.len(), self.need);
        if self.is_approved() {
            return format!("approved: signed by {by} ({have} of {need})");
        }
        let missing = need - have;
        let verb = if missing == 1 { "is" } else { "are" };
        let who = match self.open.as_slice() {
            all if all.len() == missing => all.join(", "),
            some => format!("{missing} of {}", some.join(", ")),
        };
        format!("not approved yet: signed by {by} ({have} of {need}); {who} {verb} missing")
    }

    /// One word for a table.
    pub fn word(&self) -> String {
        let counted = format!("{} of {}", self.signed.len(), self.need);
        if self.is_approved() { format!("approved, {counted}") } else { format!("{counted} signed") }
    }

    /// The signatures that do not count, a line each.
    pub fn warnings(&self) -> String {
        let count = output::count(self.ignored.len(), "signature does", "signatures do");
        match self.ignored.as_slice() {
            [] => String::new(),
            ignored => format!("{count} not count: {}\n", ignored.join("; ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::SigningKey;

    const TEXT: &[u8] = include_bytes!("../../../update/tests/data/release.toml");

    fn signer(name: &str, seed: u8) -> (Signer, SigningKey) {
        let key = SigningKey::from_seed(&[seed; 32]);
        (Signer { name: name.into(), keys: vec![key.public()] }, key)
    }

    #[test]
    fn who_has_signed_and_who_has_not_is_said() {
        let ((alice, key), (bob, other), (carol, _)) =
            (signer("person:alice", 1), signer("person:bob", 2), signer("release:carol", 3));
        let all = [alice, bob, carol];
        let (one, two) = (update::sign(TEXT, &key).unwrap(), update::sign(TEXT, &other).unwrap());
        let none = Standing::count(2, &all, TEXT, &[]);
        assert_eq!(
            none.text(),
            "not approved yet: signed by nobody (0 of 2); 2 of person:alice, person:bob, release:carol are missing"
        );
        let half = Standing::count(2, &all, TEXT, &[&one, &one]);
        assert_eq!(
            half.text(),
            "not approved yet: signed by person:alice (1 of 2); 1 of person:bob, release:carol is missing"
        );
        let whole = Standing::count(2, &all, TEXT, &[&two, &one]);
        assert_eq!(whole.text(), "approved: signed by person:alice, person:bob (2 of 2)");
        assert_eq!((whole.word(), half.word()), ("approved, 2 of 2".into(), "1 of 2 signed".into()));
    }

    #[test]
    fn a_strangers_signature_is_named_and_does_not_count() {
        let ((alice, key), (_, stranger)) = (signer("person:alice", 1), signer("person:eve", 9));
        let (one, other) = (update::sign(TEXT, &key).unwrap(), update::sign(TEXT, &stranger).unwrap());
        let standing = Standing::count(1, &[alice], TEXT, &[&other, &one]);
        assert!(standing.is_approved());
        assert!(standing.warnings().contains(&stranger.public().id().to_string()), "{}", standing.warnings());
    }
}
