//! The organisation's people, found by name and by badge, in memory.
//!
//! A person whose document cannot be read counts as absent: the old one may let in whom the new one shuts out.

use super::person::Person;
use model::{BadgeDigest, Name};
use std::collections::BTreeMap;

/// All people.
#[derive(Debug, Default)]
pub struct People {
    people: BTreeMap<Name, Person>,
    badges: BTreeMap<BadgeDigest, Vec<Name>>,
}

impl People {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.people.len()
    }

    /// A person.
    pub fn get(&self, name: &Name) -> Option<&Person> {
        self.people.get(name)
    }

    /// The people who have a badge with this digest, by name.
    pub fn holders(&self, digest: &BadgeDigest) -> &[Name] {
        self.badges.get(digest).map_or(&[], Vec::as_slice)
    }

    /// Those who have a card with these digests, the widest number first: it says most, a narrow one may be
    /// another card's too.
    pub fn holders_of_card(&self, digests: &[BadgeDigest]) -> &[Name] {
        let mut found = digests.iter().map(|digest| self.holders(digest));
        found.find(|holders| !holders.is_empty()).unwrap_or(&[])
    }

    /// Takes a document of a person, and gives what is wrong with it. The old one goes in any case: to keep it would
    /// undo a revocation.
    pub fn put(&mut self, name: Name, json: &str) -> Option<String> {
        self.remove(&name);
        let person = match Person::parse(&name, json) {
            Ok(person) => person,
            Err(error) => return Some(error.to_string()),
        };
        for badge in &person.badges {
            let holders = self.badges.entry(badge.digest).or_default();
            holders.push(name.clone());
            holders.sort();
        }
        self.people.insert(name, person);
        None
    }

    /// Forgets a person.
    pub fn remove(&mut self, name: &Name) {
        let badges = self.people.remove(name).map(|person| person.badges).unwrap_or_default();
        for badge in badges {
            if let Some(holders) = self.badges.get_mut(&badge.digest) {
                holders.retain(|holder| holder != name);
                if holders.is_empty() {
                    self.badges.remove(&badge.digest);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(people: &mut People, name: &str, badge: u8) -> Option<String> {
        let json = serde_json::json!({"badges": {BadgeDigest::new([badge; 32]).to_string(): {}}});
        people.put(name.parse().unwrap(), &json.to_string())
    }

    fn holders(people: &People, badges: &[u8]) -> Vec<String> {
        let digests: Vec<_> = badges.iter().map(|badge| BadgeDigest::new([*badge; 32])).collect();
        people.holders_of_card(&digests).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_first_digest_that_somebody_has_counts() {
        let mut people = People::default();
        assert_eq!((put(&mut people, "bob", 1), put(&mut people, "alice", 1)), (None, None));
        put(&mut people, "carol", 2);
        assert_eq!(holders(&people, &[9, 1, 2]), ["alice", "bob"]);
        assert!(holders(&people, &[9]).is_empty());
        put(&mut people, "alice", 3);
        assert_eq!((holders(&people, &[1]), people.count()), (vec!["bob".to_string()], 3));
    }

    #[test]
    fn a_person_who_cannot_be_read_is_gone() {
        let mut people = People::default();
        put(&mut people, "alice", 1);
        let alice: Name = "alice".parse().unwrap();
        assert!(people.put(alice.clone(), r#"{"expires": "soon"}"#).is_some());
        assert!(people.get(&alice).is_none() && holders(&people, &[1]).is_empty());
    }
}
