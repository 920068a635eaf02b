//! Ed25519 keys and signatures in OpenSSH's forms (PROTOCOL.key, PROTOCOL.sshsig of OpenSSH).
//!
//! A node, a person and a release signer each have one. Keys are deterministic here: a new one is made from a
//! seed that the caller drew. Signing and verifying happen in this process; `ssh-keygen -Y verify` and
//! `git verify-commit` agree with it.

use ed25519_dalek::Signer;
use sha2::Digest;
use std::{fmt, str::FromStr};

/// The namespace of git's signatures over commits and tags.
pub const GIT_NAMESPACE: &str = "git";

/// An Ed25519 signature as RFC 8032 has it. What is signed so begins with the name of its own format, so that no
/// signature over one kind of bytes fits another; SSH's begin with `SSHSIG`.
pub type RawSignature = [u8; 64];

/// Bytes or text that are not the key or signature they should be.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not a public key line.
    #[error("not an OpenSSH public key (\"ssh-ed25519 AAAA...\")")]
    Public(#[source] ssh_key::Error),
    /// Not a private key file, or an encrypted one.
    #[error("not an OpenSSH private key, or one with a passphrase (ssh-keygen -p -N '' takes it off)")]
    Private(#[source] ssh_key::Error),
    /// Another algorithm.
    #[error("the key is {0}; only ssh-ed25519 is used (ssh-keygen -t ed25519)")]
    Algorithm(String),
    /// Not an armoured SSH signature.
    #[error("not an SSH signature")]
    Signature(#[source] ssh_key::Error),
    /// A signature in another spelling than OpenSSH's: who passes a signature on could give it a new name so.
    #[error("the SSH signature is not in canonical form")]
    NotCanonical,
    /// The signature is by another key, over other bytes, or for another purpose.
    #[error("the signature does not fit the key and the bytes")]
    Mismatch(#[source] ssh_key::Error),
    /// The raw signature is by another key or over other bytes.
    #[error("the signature does not fit the key {key} and the bytes")]
    Raw {
        /// The key it should be by.
        key: KeyId,
    },
    /// Signing failed.
    #[error("cannot sign")]
    Sign(#[source] ssh_key::Error),
    /// Not a key id.
    #[error("a key id is 32 lower-case hex digits, got {0:?}")]
    Id(String),
}

/// A key's name: the first 16 bytes of SHA-256 over its OpenSSH wire form, as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 16]);

impl KeyId {
    /// Wraps the 16 bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError::Id(text.chars().take(80).collect());
        let mut bytes = [0; 16];
        if text.len() != 32 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(wrong());
        }
        hex::decode_to_slice(text, &mut bytes).map_err(|_| wrong())?;
        Ok(Self(bytes))
    }
}

impl serde::Serialize for KeyId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for KeyId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An Ed25519 public key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey(ssh_key::PublicKey);

impl PublicKey {
    /// The key's id.
    pub fn id(&self) -> KeyId {
        let wire = self.0.to_bytes().expect("because an Ed25519 key always has a wire form");
        let mut id = [0; 16];
        id.copy_from_slice(&sha2::Sha256::digest(wire)[..16]);
        KeyId(id)
    }

    /// The key as RFC 8032 has it: 32 bytes, as it is dialled and told on the wire.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.key_data().ed25519().expect("because no other key is ever held").0
    }

    /// The key of these 32 bytes. Whether they are a point of the curve is not looked at: no signature fits
    /// them if they are not.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        let key = ssh_key::public::Ed25519PublicKey(*bytes);
        Self(ssh_key::PublicKey::new(ssh_key::public::KeyData::Ed25519(key), ""))
    }

    /// Checks an armoured SSH signature over `message`, made for `namespace`.
    pub fn verify(&self, namespace: &str, message: &[u8], signature: &str) -> Result<(), KeyError> {
        let text = signature;
        let signature: ssh_key::SshSig = text.parse().map_err(KeyError::Signature)?;
        if canonical(&signature).map_err(KeyError::Signature)?.trim_end() != text {
            return Err(KeyError::NotCanonical);
        }
        self.0.verify(namespace, message, &signature).map_err(KeyError::Mismatch)
    }

    /// Checks a raw signature over `message`.
    pub fn verify_raw(&self, message: &[u8], signature: &RawSignature) -> Result<(), KeyError> {
        let wrong = || KeyError::Raw { key: self.id() };
        let key = self.0.key_data().ed25519().ok_or_else(wrong)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(key.as_ref()).map_err(|_| wrong())?;
        // Strict: a key of small order would fit many messages.
        let signature = ed25519_dalek::Signature::from_bytes(signature);
        key.verify_strict(message, &signature).map_err(|_| wrong())
    }

    /// The key that an armoured signature says it was made with. Nothing is verified.
    pub fn of_signature(signature: &str) -> Result<Self, KeyError> {
        let signature: ssh_key::SshSig = signature.parse().map_err(KeyError::Signature)?;
        Self::ed25519(ssh_key::PublicKey::new(signature.public_key().clone(), ""))
    }

    fn ed25519(key: ssh_key::PublicKey) -> Result<Self, KeyError> {
        match key.algorithm() {
            ssh_key::Algorithm::Ed25519 => Ok(Self(ssh_key::PublicKey::new(key.key_data().clone(), ""))),
            other => Err(KeyError::Algorithm(other.to_string())),
        }
    }
}

impl fmt::Display for PublicKey {
    /// As in `ssh-ed25519 AAAAC3Nza...`, without a comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_openssh().map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

/// A signature as OpenSSH writes it, made anew from its parts: its version, which is not signed, among what is not kept.
fn canonical(signature: &ssh_key::SshSig) -> Result<String, ssh_key::Error> {
    let (key, made) = (signature.public_key().clone(), signature.signature().clone());
    ssh_key::SshSig::new(key, signature.namespace(), signature.hash_alg(), made)?
        .to_pem(ssh_key::LineEnding::LF)
}

impl FromStr for PublicKey {
    type Err = KeyError;
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::ed25519(ssh_key::PublicKey::from_openssh(text.trim()).map_err(KeyError::Public)?)
    }
}

impl serde::Serialize for PublicKey {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for PublicKey {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        <String as serde::Deserialize>::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// An Ed25519 private key.
#[derive(Clone)]
pub struct SigningKey(ssh_key::PrivateKey);

impl SigningKey {
    /// The key of a seed: 32 bytes that nobody else may know.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ssh_key::private::Ed25519Keypair::from_seed(seed).into())
    }

    /// The seed, for an adapter that must hand the key to another library. It is the secret itself.
    pub fn seed(&self) -> [u8; 32] {
        self.0.key_data().ed25519().expect("because no other key is ever held").private.to_bytes()
    }

    /// Reads an OpenSSH private key file without a passphrase.
    pub fn from_openssh(text: &str) -> Result<Self, KeyError> {
        let key = ssh_key::PrivateKey::from_openssh(text).map_err(KeyError::Private)?;
        match key.algorithm() {
            ssh_key::Algorithm::Ed25519 if !key.is_encrypted() => Ok(Self(key)),
            ssh_key::Algorithm::Ed25519 => Err(KeyError::Private(ssh_key::Error::Encrypted)),
            other => Err(KeyError::Algorithm(other.to_string())),
        }
    }

    /// Writes the OpenSSH private key file. Keep it at mode 0600.
    pub fn to_openssh(&self) -> Result<String, KeyError> {
        let text = self.0.to_openssh(ssh_key::LineEnding::LF).map_err(KeyError::Private)?;
        Ok(text.to_string())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(ssh_key::PublicKey::new(self.0.public_key().key_data().clone(), ""))
    }

    /// Signs `message` for `namespace`; the result is armoured, without a newline at the end.
    pub fn sign(&self, namespace: &str, message: &[u8]) -> Result<String, KeyError> {
        let signature = self.0.sign(namespace, ssh_key::HashAlg::Sha512, message).map_err(KeyError::Sign)?;
        let text = signature.to_pem(ssh_key::LineEnding::LF).map_err(KeyError::Sign)?;
        Ok(text.trim_end().to_string())
    }

    /// Signs `message` as it is. The message begins with the name of its format.
    pub fn sign_raw(&self, message: &[u8]) -> RawSignature {
        let pair =
            self.0.key_data().ed25519().expect("because every way to make a SigningKey checks for Ed25519");
        ed25519_dalek::SigningKey::from(&pair.private).sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    /// Names the public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public().id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_fits_its_key_its_bytes_and_its_purpose_alone() {
        let (ours, other) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let signature = ours.sign(GIT_NAMESPACE, b"block").unwrap();
        assert!(ours.public().verify(GIT_NAMESPACE, b"block", &signature).is_ok());
        assert!(ours.public().verify(GIT_NAMESPACE, b"Block", &signature).is_err());
        assert!(ours.public().verify("file", b"block", &signature).is_err());
        assert!(other.public().verify(GIT_NAMESPACE, b"block", &signature).is_err());
        assert_eq!(PublicKey::of_signature(&signature).unwrap(), ours.public());
    }

    #[test]
    fn another_spelling_of_a_signature_is_refused() {
        let key = SigningKey::from_seed(&[1; 32]);
        let signature = key.sign(GIT_NAMESPACE, b"block").unwrap();
        for other in [
            signature.replace("BEGIN", "BDGIN"),
            signature.replace('\n', "\r\n"),
            format!("{signature}\n"),
            format!("\n{signature}"),
            // Version 0 of the format: found by the fuzzer.
            signature.replace("U1NIU0lHAAAAAQ", "U1NIU0lHAAAAAA"),
        ] {
            assert_ne!(other, signature);
            assert!(key.public().verify(GIT_NAMESPACE, b"block", &other).is_err(), "{other:?} was taken");
        }
    }

    #[test]
    fn a_raw_signature_fits_its_key_and_its_bytes_alone() {
        let (ours, other) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let signature = ours.sign_raw(b"vote");
        assert!(ours.public().verify_raw(b"vote", &signature).is_ok());
        assert!(ours.public().verify_raw(b"Vote", &signature).is_err());
        assert!(other.public().verify_raw(b"vote", &signature).is_err());
        assert!(ours.public().verify_raw(b"vote", &[0; 64]).is_err());
    }

    #[test]
    fn keys_go_through_their_openssh_forms() {
        let key = SigningKey::from_seed(&[3; 32]);
        let again = SigningKey::from_openssh(&key.to_openssh().unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        let public: PublicKey = format!("{} alice@laptop", key.public()).parse().unwrap();
        assert_eq!(public, key.public(), "a comment is no part of a key");
        assert_eq!(public.id().to_string().parse::<KeyId>().unwrap(), key.public().id());
    }

    #[test]
    fn keys_go_through_their_bare_bytes() {
        let key = SigningKey::from_seed(&[3; 32]);
        assert_eq!(key.seed(), [3; 32]);
        assert_eq!(PublicKey::from_bytes(&key.public().to_bytes()), key.public());
        // RFC 8032, section 7.1, test 1.
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let public = hex::encode(SigningKey::from_seed(&seed.try_into().unwrap()).public().to_bytes());
        assert_eq!(public, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    }

    #[test]
    fn another_algorithm_is_named_in_the_error() {
        let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";
        let error = ecdsa.parse::<PublicKey>().unwrap_err().to_string();
        assert!(error.contains("ssh-ed25519"), "{error}");
    }
}
