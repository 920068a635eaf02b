//! A release of one part, signed by a key of the bench, as an order to install it.

use super::Done;
use chunk::{Manifest, delta::Delta};
use model::SigningKey;
use update::{Authority, Near, Order, PartSource, Release, Signer, manifest_id, segments, sign};

/// The format page's example, of which all but one part is taken out.
const TEXT: &str = include_str!("../../tests/data/release.toml");
const PART: &str = "root.erofs";

/// Installs `new` where `old` runs, with a delta between them if there is one.
pub fn order(old: &Manifest, new: &Manifest, delta: Option<&Delta>) -> Done<Order> {
    let text = new.to_text().into_bytes();
    let mut release = Release::parse(TEXT.as_bytes())?;
    release.deltas.clear();
    (release.from, release.floor, release.rollout) = (None, None, None);
    release.parts.retain(|part| part.name.as_str() == PART);
    let part = release.parts.first_mut().ok_or("the example has another part")?;
    (part.size, part.manifest, part.verity) = (new.size, manifest_id(&text), None);
    let source = PartSource {
        name: part.name.clone(),
        manifest: text,
        near: old.chunks.iter().map(|(id, _)| (*id, Near::Slot)).collect(),
        deltas: delta.iter().map(|delta| segments(delta, new, &[old.hash])).collect(),
    };
    let key = SigningKey::from_seed(&[1; 32]);
    let signer = Signer { name: "release:bench".to_owned(), keys: vec![key.public()] };
    let text = release.to_text()?;
    let approval = sign(text.as_bytes(), &key)?;
    let approved = Authority::new(1, vec![signer]).approve(text.as_bytes(), &[approval])?;
    Ok(Order::new(&approved, vec![source])?)
}
