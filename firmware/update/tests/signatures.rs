//! Who must have signed a release: each way not to have is refused with a sentence that says which.
#![allow(clippy::unwrap_used, reason = "clippy's allowance for tests does not reach their helpers")]

use model::{GIT_NAMESPACE, SigningKey};
use update::{Approval, Approved, Authority, NotApproved, Release, Signer, sign};

const TEXT: &str = include_str!("data/release.toml");

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn signer(name: &str, seeds: &[u8]) -> Signer {
    Signer { name: name.to_owned(), keys: seeds.iter().map(|seed| key(*seed).public()).collect() }
}

/// Two of three: alice has two keys.
fn two_of_three() -> Authority {
    let signers = [("release:alice", &[1, 11][..]), ("release:bob", &[2]), ("person:carol", &[3])];
    Authority::new(2, signers.into_iter().map(|(name, seeds)| signer(name, seeds)).collect())
}

fn signed(seeds: &[u8]) -> Vec<Approval> {
    seeds.iter().map(|seed| sign(TEXT.as_bytes(), &key(*seed)).unwrap()).collect()
}

fn approve(approvals: &[Approval]) -> Result<Approved, NotApproved> {
    two_of_three().approve(TEXT.as_bytes(), approvals)
}

fn refused(approvals: &[Approval]) -> String {
    approve(approvals).unwrap_err().to_string()
}

#[test]
fn two_of_three_are_enough_whoever_they_are() {
    for seeds in [[1, 2], [2, 3], [3, 11]] {
        let approved = approve(&signed(&seeds)).unwrap();
        assert_eq!(approved.signers().len(), 2, "{seeds:?}");
        assert_eq!(approved.id(), Release::id_of(TEXT.as_bytes()));
        assert_eq!(approved.release().to_text().unwrap(), TEXT);
    }
    assert_eq!(approve(&signed(&[1, 2, 3])).unwrap().signers().len(), 3);
}

#[test]
fn an_unsigned_release_is_refused() {
    assert_eq!(refused(&[]), "the release is not signed; 2 of the policy's release signers must sign it");
}

#[test]
fn an_under_signed_release_is_refused() {
    assert_eq!(refused(&signed(&[1])), "the release is signed by 1 of the 2 who must sign it");
}

#[test]
fn signing_twice_counts_once_also_with_another_key() {
    let again = refused(&signed(&[1, 1]));
    assert!(again.starts_with("the release is signed by 1 of the 2"), "{again}");
    assert!(again.contains("signed before"), "{again}");
    let other_key = refused(&signed(&[1, 11]));
    assert!(other_key.contains(&key(11).public().id().to_string()), "{other_key}");
}

#[test]
fn a_stranger_is_named_and_does_no_harm() {
    let with_stranger = refused(&signed(&[1, 9]));
    let stranger = key(9).public().id();
    assert!(with_stranger.contains(&format!("{stranger} is not one of the policy's")), "{with_stranger}");
    assert!(approve(&signed(&[9, 1, 9, 2])).is_ok());
}

#[test]
fn a_signature_over_other_bytes_or_for_another_purpose_does_not_count() {
    let other = TEXT.replace("1.4.0", "1.4.1");
    let bytes = sign(other.as_bytes(), &key(2)).unwrap();
    let purpose = Approval { signature: key(2).sign(GIT_NAMESPACE, TEXT.as_bytes()).unwrap() };
    for wrong in [bytes, purpose] {
        let said = refused(&[signed(&[1]), vec![wrong]].concat());
        assert!(said.contains("is not over this release"), "{said}");
    }
}

#[test]
fn a_signature_in_another_spelling_or_none_at_all_is_unreadable() {
    let again = signed(&[2]).remove(0).signature + "\n";
    for signature in [again, String::new(), "-----BEGIN SSH SIGNATURE-----".to_owned()] {
        let said = refused(&[signed(&[1]), vec![Approval { signature }]].concat());
        assert!(said.ends_with("one signature cannot be read"), "{said}");
    }
}

#[test]
fn changed_bytes_lose_every_signature() {
    let changed = TEXT.replace("percent = 10\n", "percent = 99\n");
    let error = two_of_three().approve(changed.as_bytes(), &signed(&[1, 2, 3])).unwrap_err();
    assert!(matches!(error, NotApproved::TooFew { have: 0, .. }), "{error}");
}

#[test]
fn a_text_cut_short_at_any_byte_is_no_release_or_not_this_one() {
    let approvals = signed(&[1, 2, 3]);
    for end in 0..TEXT.len() {
        assert!(two_of_three().approve(&TEXT.as_bytes()[..end], &approvals).is_err(), "cut at {end}");
    }
}

#[test]
fn keys_are_changed_by_the_policy_for_old_releases_too() {
    let rotated = Authority::new(2, vec![signer("release:alice", &[12]), signer("release:bob", &[2])]);
    assert!(rotated.approve(TEXT.as_bytes(), &signed(&[1, 2])).is_err());
    assert!(rotated.approve(TEXT.as_bytes(), &signed(&[12, 2])).is_ok());
}

#[test]
fn where_nobody_may_sign_nothing_is_approved() {
    for nobody in [Authority::new(0, vec![signer("release:alice", &[1])]), Authority::new(1, vec![])] {
        let error = nobody.approve(TEXT.as_bytes(), &signed(&[1])).unwrap_err();
        assert!(matches!(error, NotApproved::Nobody), "{error}");
    }
}
