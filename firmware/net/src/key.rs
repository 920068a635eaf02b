//! The node's key in iroh's types and in ours: the same 32 bytes.

use iroh::{EndpointId, SecretKey};
use model::{PublicKey, SigningKey};

/// The secret that the endpoint proves itself with.
pub fn secret(key: &SigningKey) -> SecretKey {
    SecretKey::from_bytes(&key.seed())
}

/// A key as an address; none if the bytes are no point of the curve, which nobody can have the secret of.
pub fn endpoint(key: &PublicKey) -> Option<EndpointId> {
    EndpointId::from_bytes(&key.to_bytes()).ok()
}

/// The key that a connection has proved.
pub fn public(id: EndpointId) -> PublicKey {
    PublicKey::from_bytes(id.as_bytes())
}

/// The name on the LAN: z-base-32, 52 characters, which a DNS label holds; hex would be one too long.
pub fn to_name(key: &PublicKey) -> Option<String> {
    endpoint(key).map(|id| id.to_z32())
}

/// The key of a name on the LAN; none for anything else, and none for the key in another spelling.
pub fn of_name(name: &str) -> Option<PublicKey> {
    let id = EndpointId::from_z32(name).ok()?;
    (id.to_z32() == name).then(|| public(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_bytes_on_the_way_to_iroh_and_back() {
        let key = SigningKey::from_seed(&[7; 32]);
        assert_eq!(public(secret(&key).public()), key.public());
        assert_eq!(public(endpoint(&key.public()).unwrap()), key.public());
    }

    #[test]
    fn a_name_on_the_lan_is_the_key_and_nothing_else_is() {
        for seed in 0..=255 {
            let key = SigningKey::from_seed(&[seed; 32]).public();
            assert_eq!(of_name(&to_name(&key).unwrap()).as_ref(), Some(&key));
        }
        let name = to_name(&SigningKey::from_seed(&[1; 32]).public()).unwrap();
        for wrong in ["", "printer", &name[1..], &name.to_uppercase(), &format!("{name}y")] {
            assert_eq!(of_name(wrong), None, "{wrong:?} was taken for a key");
        }
    }
}
