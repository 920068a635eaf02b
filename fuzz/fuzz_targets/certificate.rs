//! Any bytes as a certificate in either form: an error, or what is written again as it came. None holds without validators.
#![no_main]

use ledger::finality::{Certificate, Validators};
use libfuzzer_sys::fuzz_target;
use model::{BlockId, OrgId};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(certificate) = Certificate::parse(bytes) {
        assert_eq!(certificate.to_bytes(), bytes);
        assert!(certificate.check(&Validators::default()).is_err());
        let Certificate { org, branch, height, block, .. } = certificate.clone();
        let again = Certificate::from_trailer(org, branch, height, block, &certificate.to_trailer());
        assert_eq!(again.ok(), Some(certificate));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (org, branch) = (OrgId::new([1; 32]), "main".parse().expect("because it is a name"));
    if let Ok(certificate) = Certificate::from_trailer(org, branch, 3, BlockId::new([2; 32]), text) {
        assert_eq!(certificate.to_trailer(), text);
        assert_eq!(Certificate::parse(&certificate.to_bytes()).ok(), Some(certificate));
    }
});
