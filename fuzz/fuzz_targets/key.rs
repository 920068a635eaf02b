//! Any text as a key or a signature: an error, or a key that goes through its OpenSSH forms. Whoever changes a
//! signature without the key has none: a second spelling that verifies would be a second name for a block.
#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use libfuzzer_sys::{arbitrary, fuzz_target};
use model::{GIT_NAMESPACE, PublicKey, SigningKey};

const MESSAGE: &[u8] = b"block";

#[derive(arbitrary::Arbitrary, Debug)]
enum Input<'a> {
    Text(&'a str),
    Public(&'a [u8]),
    Private(&'a [u8]),
    Signature(&'a [u8]),
    /// Where a byte of a true signature becomes another one.
    Edits(Vec<(u8, u8)>),
    /// The same in its armour.
    EditsOfText(Vec<(u16, char)>),
}

fuzz_target!(|input: Input| {
    let key = SigningKey::from_seed(&[7; 32]);
    let signature = key.sign(GIT_NAMESPACE, MESSAGE).expect("because the key can sign");
    let text = match input {
        Input::Text(text) => text.to_string(),
        Input::Public(bytes) => format!("ssh-ed25519 {}", BASE64.encode(bytes)),
        Input::Private(bytes) => armoured("OPENSSH PRIVATE KEY", bytes),
        Input::Signature(bytes) => armoured("SSH SIGNATURE", bytes),
        Input::Edits(edits) => edited(&signature, &edits),
        Input::EditsOfText(edits) => edited_text(&signature, &edits),
    };
    keys(&text);
    if key.public().verify(GIT_NAMESPACE, MESSAGE, &text).is_ok() {
        assert_eq!(text, signature);
    }
});

fn keys(text: &str) {
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string().parse::<PublicKey>().expect("because it was written"), key);
    }
    if let Ok(key) = SigningKey::from_openssh(text) {
        let again = key.to_openssh().expect("because it was read");
        let again = SigningKey::from_openssh(&again).expect("because it was written");
        assert_eq!(again.public(), key.public());
        let signature = key.sign(GIT_NAMESPACE, MESSAGE).expect("because the key can sign");
        assert!(key.public().verify(GIT_NAMESPACE, MESSAGE, &signature).is_ok());
    }
    if let Ok(key) = PublicKey::of_signature(text) {
        assert!(key.to_string().starts_with("ssh-ed25519 "));
    }
}

/// As OpenSSH writes it: lines of 70 characters.
fn armoured(what: &str, bytes: &[u8]) -> String {
    let base64 = BASE64.encode(bytes);
    let lines: Vec<_> = base64.as_bytes().chunks(70).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----", lines.join("\n"))
}

fn edited(signature: &str, edits: &[(u8, u8)]) -> String {
    let base64: String = signature.lines().filter(|line| !line.starts_with('-')).collect();
    let mut bytes = BASE64.decode(base64).expect("because it is armoured");
    for (at, byte) in edits {
        let at = usize::from(*at) % bytes.len();
        bytes[at] = *byte;
    }
    armoured("SSH SIGNATURE", &bytes)
}

fn edited_text(signature: &str, edits: &[(u16, char)]) -> String {
    let mut text: Vec<char> = signature.chars().collect();
    for (at, character) in edits {
        let at = usize::from(*at) % text.len();
        text[at] = *character;
    }
    text.into_iter().collect()
}
