//! Every path by which the layer reaches for the rest of the checkout leads somewhere.

use crate::shell::root;

/// What stands before a path of the checkout, in make's words, in bitbake's, in the scripts', and where it is in the checkout.
const BEGINNINGS: [(&str, &str); 7] = [
    ("$(BR2_EXTERNAL_LEDGER_PATH)/../", ""),
    ("$BR2_EXTERNAL_LEDGER_PATH/../", ""),
    ("$BR2_EXTERNAL_LEDGER_PATH/", "meta-ledger"),
    ("${LEDGER_ROOT}/", ""),
    ("$(@D)/tools/", "tools"),
    ("${S}/tools/", "tools"),
    ("$boards/", "board"),
];

/// The paths in a file of the layer that lead nowhere.
pub fn missing(name: &str, text: &str) -> Vec<String> {
    let lost = paths(text).into_iter().filter(|path| !root().join(path).exists());
    lost.map(|path| format!("{name} names {path}, which is not there")).collect()
}

/// The paths, from the checkout's root.
fn paths(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (beginning, folder) in BEGINNINGS {
        for rest in text.split(beginning).skip(1) {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-_./".contains(c)));
            let path = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
            // What goes on with a variable names a folder at least.
            found.push(format!("{folder}/{path}").trim_matches('/').to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_ends_where_its_words_do_and_one_that_leads_nowhere_is_named() {
        let text = "A=\"$(BR2_EXTERNAL_LEDGER_PATH)/../board/common/boot.cmd $(BR2_EXTERNAL_LEDGER_PATH)/../board/nobody\"\n-i ${S}/tools/xtask.";
        assert_eq!(paths(text), ["board/common/boot.cmd", "board/nobody", "tools/xtask"]);
        assert_eq!(missing("x", text), ["x names board/nobody, which is not there"]);
    }
}
