//! The policy: which role, and which dapp, may write which path.
//!
//! `policy.toml` names people by role and paths by pattern. A path that no rule names is nobody's to write. Two rules
//! stand above it and cannot be given away: a node's log is written by that node's active key alone, and a
//! dapp writes only where a rule names it and its own manifest asks for the path. An unknown key in the policy is
//! an error: a rule that was misspelt must not look like one that holds.

use crate::keys::Owner;
use model::Glob;
use model::{Document, DocumentError, KeyId, Name, StatePath};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where the policy is kept.
pub const POLICY_PATH: &str = "policy.toml";

/// The policy of an organisation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// People by role.
    pub roles: BTreeMap<Name, Vec<Name>>,
    /// Who may write where.
    pub rules: Vec<Rule>,
    /// Who must sign releases, by channel; in another channel nobody can.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub releases: BTreeMap<Name, ReleaseRule>,
}

/// Who must sign the releases of a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRule {
    /// So many of them.
    pub threshold: usize,
    /// Release signers and people; each counts once, whatever number of keys.
    pub signers: Vec<Owner>,
}

/// One rule: these roles and dapps may write these paths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Patterns: `*` is one part of a path, `**` any number of parts.
    pub paths: Vec<Glob>,
    /// Roles whose people may write them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Name>,
    /// Dapps that may write them, by a node's key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dapps: Vec<Name>,
}

/// Who wants to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Signer {
    /// The key that signs.
    pub key: KeyId,
    /// Whose it is.
    pub owner: Owner,
    /// Whether it is the key that its node's document names.
    pub active_node: bool,
    /// The dapp for which it writes.
    pub dapp: Option<DappRights>,
}

/// What a dapp's manifest asks to write.
#[derive(Debug, Clone, PartialEq)]
pub struct DappRights {
    /// The dapp.
    pub name: Name,
    /// Its manifest's `writes`.
    pub writes: Vec<Glob>,
}

/// A policy that is none.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, or not of a policy's shape.
    #[error("policy.toml: {0}")]
    Document(#[from] DocumentError),
    /// A rule names a role that does not exist.
    #[error("policy.toml: a rule names the role {role}, which [roles] does not have")]
    Role {
        /// The role.
        role: Name,
    },
    /// Nobody could sign a release, or fewer than it seems.
    #[error(
        "policy.toml: releases.{channel} wants a threshold of 1 up to the number of its signers, who are people or release signers, each once"
    )]
    Releases {
        /// The channel.
        channel: Name,
    },
    /// A rule without paths, or for nobody.
    #[error("policy.toml: rule {number} has no paths, or neither roles nor dapps")]
    EmptyRule {
        /// Its place, from 1.
        number: usize,
    },
}

/// Why a path may not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No rule names the path.
    #[error("{path}: no rule of policy.toml lets anybody write it")]
    NoRule {
        /// The path.
        path: StatePath,
    },
    /// The person has none of the roles.
    #[error("{path}: {owner} may not write it; policy.toml asks for {}", roles(.asked))]
    Role {
        /// The path.
        path: StatePath,
        /// Who wanted to.
        owner: Owner,
        /// The roles that may.
        asked: Vec<Name>,
    },
    /// No rule names the dapp for the path.
    #[error("{path}: no rule of policy.toml lets the dapp {dapp} write it")]
    Dapp {
        /// The path.
        path: StatePath,
        /// The dapp.
        dapp: Name,
    },
    /// The dapp's manifest does not ask for the path.
    #[error("{path}: dapps/{dapp}/dapp.toml does not have it in `writes`")]
    Manifest {
        /// The path.
        path: StatePath,
        /// The dapp.
        dapp: Name,
    },
    /// Somebody else's key, or a replaced one, wanted to write for a dapp.
    #[error("{path}: {owner} cannot write for a dapp; only the active key of a node can")]
    NotANode {
        /// The path.
        path: StatePath,
        /// Who wanted to.
        owner: Owner,
    },
    /// A log that is not the signer's.
    #[error("{path}: {owner} may not write it; a log is written by the active key of its node alone")]
    Log {
        /// The path.
        path: StatePath,
        /// Who wanted to.
        owner: Owner,
    },
}

fn roles(names: &[Name]) -> String {
    match names {
        [] => "a dapp".into(),
        _ => format!("the role {}", names.iter().map(Name::as_str).collect::<Vec<_>>().join(" or ")),
    }
}

impl Policy {
    /// Reads `policy.toml`.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        Self::from_document(&Document::parse(bytes)?)
    }

    /// Reads the policy's document.
    pub fn from_document(document: &Document) -> Result<Self, PolicyError> {
        let policy: Self = document.to_value()?;
        for (index, rule) in policy.rules.iter().enumerate() {
            if rule.paths.is_empty() || (rule.roles.is_empty() && rule.dapps.is_empty()) {
                return Err(PolicyError::EmptyRule { number: index + 1 });
            }
            if let Some(role) = rule.roles.iter().find(|role| !policy.roles.contains_key(*role)) {
                return Err(PolicyError::Role { role: role.clone() });
            }
        }
        if let Some((channel, _)) = policy.releases.iter().find(|(_, rule)| !rule.can_be_kept()) {
            return Err(PolicyError::Releases { channel: channel.clone() });
        }
        Ok(policy)
    }

    /// Whether the signer may write the path.
    pub fn may_write(&self, signer: &Signer, path: &StatePath) -> Result<(), Denied> {
        if path.is_within("log") {
            return may_log(signer, path);
        }
        let rules: Vec<&Rule> =
            self.rules.iter().filter(|rule| rule.paths.iter().any(|glob| glob.matches(path))).collect();
        match &signer.dapp {
            _ if rules.is_empty() => Err(Denied::NoRule { path: path.clone() }),
            Some(dapp) => dapp_may(signer, dapp, &rules, path),
            None => self.owner_may(&signer.owner, &rules, path),
        }
    }

    /// The people who may write a path by one of their roles.
    pub fn writers_of(&self, path: &StatePath) -> BTreeSet<&Name> {
        let rules = self.rules.iter().filter(|rule| rule.paths.iter().any(|glob| glob.matches(path)));
        let roles = rules.flat_map(|rule| &rule.roles);
        roles.filter_map(|role| self.roles.get(role)).flatten().collect()
    }

    fn owner_may(&self, owner: &Owner, rules: &[&Rule], path: &StatePath) -> Result<(), Denied> {
        let asked: BTreeSet<&Name> = rules.iter().flat_map(|rule| &rule.roles).collect();
        let has = |role: &Name| {
            owner.person().is_some_and(|person| self.roles.get(role).is_some_and(|all| all.contains(person)))
        };
        if asked.iter().any(|role| has(role)) {
            return Ok(());
        }
        let asked = asked.into_iter().cloned().collect();
        Err(Denied::Role { path: path.clone(), owner: owner.clone(), asked })
    }
}

impl ReleaseRule {
    fn can_be_kept(&self) -> bool {
        let signers: BTreeSet<&Owner> = self.signers.iter().filter(|owner| owner.node().is_none()).collect();
        signers.len() == self.signers.len() && (1..=signers.len()).contains(&self.threshold)
    }
}

fn dapp_may(signer: &Signer, dapp: &DappRights, rules: &[&Rule], path: &StatePath) -> Result<(), Denied> {
    let (path, name) = (path.clone(), dapp.name.clone());
    if signer.owner.node().is_none() || !signer.active_node {
        Err(Denied::NotANode { path, owner: signer.owner.clone() })
    } else if !rules.iter().any(|rule| rule.dapps.contains(&name)) {
        Err(Denied::Dapp { path, dapp: name })
    } else if !dapp.writes.iter().any(|glob| glob.matches(&path)) {
        Err(Denied::Manifest { path, dapp: name })
    } else {
        Ok(())
    }
}

fn may_log(signer: &Signer, path: &StatePath) -> Result<(), Denied> {
    let own = signer.owner.node().is_some_and(|node| path.is_within(&format!("log/{node}")));
    if own && signer.active_node && signer.dapp.is_none() {
        Ok(())
    } else {
        Err(Denied::Log { path: path.clone(), owner: signer.owner.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = r#"
        roles = { owner = ["alice"], staff = ["carol"], empty = [] }
        rules = [
            { paths = ["policy.toml", "keys/*"], roles = ["owner"] },
            { paths = ["people/*"], roles = ["staff"], dapps = ["desk"] },
            { paths = ["people/**"], roles = ["owner", "empty"] },
        ]
    "#;

    fn policy(text: &str) -> Result<Policy, PolicyError> {
        Policy::parse(text.as_bytes())
    }

    fn path(text: &str) -> StatePath {
        text.parse().unwrap()
    }

    fn signer(owner: &str, dapp: Option<&str>) -> Signer {
        let writes = vec!["people/*".parse().unwrap()];
        Signer {
            key: "00112233445566778899aabbccddeeff".parse().unwrap(),
            owner: owner.parse().unwrap(),
            active_node: true,
            dapp: dapp.map(|name| DappRights { name: name.parse().unwrap(), writes }),
        }
    }

    #[test]
    fn rules_add_up_and_what_no_rule_names_is_nobodys() {
        let policy = policy(POLICY).unwrap();
        let may = |owner: &str, at: &str| policy.may_write(&signer(owner, None), &path(at)).is_ok();
        assert!(may("person:alice", "policy.toml") && !may("person:carol", "policy.toml"));
        assert!(may("person:alice", "people/x.toml") && may("person:carol", "people/x.toml"));
        assert!(may("person:alice", "people/a/b.toml") && !may("person:carol", "people/a/b.toml"));
        assert!(!may("person:alice", "org.toml") && !may("person:dora", "people/x.toml"));
        assert!(!may("node:alice", "policy.toml") && !may("release:alice", "policy.toml"));
        let names: Vec<&str> =
            policy.writers_of(&path("people/x.toml")).into_iter().map(Name::as_str).collect();
        assert_eq!(names, ["alice", "carol"]);
    }

    #[test]
    fn a_dapp_writes_by_an_active_node_where_a_rule_names_it() {
        let policy = policy(POLICY).unwrap();
        let denied = |signer: &Signer, at: &str| policy.may_write(signer, &path(at)).err();
        assert_eq!(denied(&signer("node:front", Some("desk")), "people/x.toml"), None);
        let other = denied(&signer("node:front", Some("other")), "people/x.toml");
        assert!(matches!(other, Some(Denied::Dapp { .. })));
        let elsewhere = denied(&signer("node:front", Some("desk")), "keys/x.toml");
        assert!(matches!(elsewhere, Some(Denied::Dapp { .. })));
        let replaced = Signer { active_node: false, ..signer("node:front", Some("desk")) };
        assert!(matches!(denied(&replaced, "people/x.toml"), Some(Denied::NotANode { .. })));
        let person = denied(&signer("person:alice", Some("desk")), "people/x.toml");
        assert!(matches!(person, Some(Denied::NotANode { .. })));
    }

    #[test]
    fn a_log_is_its_own_nodes_whatever_the_policy_says() {
        let policy =
            policy("roles = { owner = [\"alice\"] }\nrules = [{ paths = [\"**\"], roles = [\"owner\"] }]")
                .unwrap();
        let at = path("log/front/2026-11/22/000001.jsonl");
        assert!(policy.may_write(&signer("node:front", None), &at).is_ok());
        for other in ["person:alice", "node:back", "node:fron"] {
            assert!(
                matches!(policy.may_write(&signer(other, None), &at), Err(Denied::Log { .. })),
                "{other}"
            );
        }
    }

    #[test]
    fn who_signs_releases_is_said_by_channel_and_can_be_kept() {
        let with = |releases: &str| policy(&format!("{POLICY}\n[releases.stable]\n{releases}\n"));
        let good = with("threshold = 2\nsigners = [\"release:images\", \"person:alice\"]").unwrap();
        let stable = &good.releases["stable"];
        assert_eq!((stable.threshold, stable.signers.len()), (2, 2));
        assert!(policy(POLICY).unwrap().releases.is_empty());
        for bad in [
            "threshold = 0\nsigners = [\"person:alice\"]",
            "threshold = 2\nsigners = [\"person:alice\"]",
            "threshold = 2\nsigners = [\"person:alice\", \"person:alice\"]",
            "threshold = 1\nsigners = [\"node:front\"]",
            "threshold = 1\nsigners = []",
            "threshold = 1\nsigner = [\"person:alice\"]",
        ] {
            assert!(with(bad).is_err(), "{bad} was taken");
        }
    }

    #[test]
    fn a_misspelt_rule_is_an_error() {
        for (from, to) in [
            ("dapps =", "dapp ="),
            ("\"staff\"]", "\"stuff\"]"),
            ("[\"people/*\"]", "[]"),
            ("people/*", "people/*.toml"),
            (
                "{ paths = [\"policy.toml\", \"keys/*\"], roles = [\"owner\"] }",
                "{ paths = [\"policy.toml\"] }",
            ),
            ("rules", "rule"),
        ] {
            assert!(POLICY.contains(from) && policy(&POLICY.replace(from, to)).is_err(), "{to} was taken");
        }
    }
}
