//! Any bytes as a document: an error, or a document whose canonical text reads back as itself, also after it
//! went to a dapp as JSON and back.
#![no_main]

use dapp::wire::from_json;
use libfuzzer_sys::fuzz_target;
use model::{Document, DocumentError};

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = Document::parse(bytes) else { return };
    check(&document);
    let json = document.to_json();
    let again = from_json(&json).expect("because a document's JSON is one");
    check(&again);
    assert_eq!(again.to_json(), json);
});

fn check(document: &Document) {
    match document.to_canonical() {
        // Compared as text, because a number that is none (`nan`) is not equal to itself.
        Ok(text) => {
            let again = Document::parse(text.as_bytes()).expect("because it is canonical");
            assert_eq!(again.to_canonical().expect("because it was before"), text);
        }
        Err(error) => assert!(matches!(error, DocumentError::TooLong { .. }), "{error}"),
    }
}
