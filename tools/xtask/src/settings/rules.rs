//! The keys of a box's settings, and what each may be. What they mean: docs/formats/settings.md.
//!
//! A rule refuses what the box could not act on, so that a person hears of it before the card is screwed to a wall.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A key, and what is wrong with a value of it.
pub struct Rule {
    /// The key.
    pub key: &'static str,
    /// Nothing if the value is right; else a sentence.
    pub check: fn(&str) -> Option<&'static str>,
}

const fn rule(key: &'static str, check: fn(&str) -> Option<&'static str>) -> Rule {
    Rule { key, check }
}

/// All keys.
pub const RULES: &[Rule] = &[
    rule("name", name),
    rule("org", |value| wrong(value.chars().count() > 200, "is at most 200 characters")),
    rule("founder", name),
    rule("timezone", timezone),
    rule("import", |value| {
        wrong(value.contains('/'), "is the name of a file beside the settings, without a folder")
    }),
    rule("dapps", |value| {
        wrong(
            value.split(' ').any(|each| name(each).is_some() || each.is_empty()),
            "is names of dapps, a blank between them",
        )
    }),
    rule("ticket", |value| {
        wrong(!value.starts_with("ledger1"), "is what `ledgerctl invite` prints: ledger1...")
    }),
    rule("ssh_key", ssh_key),
    rule("listen", |value| {
        wrong(value.parse::<SocketAddr>().is_err(), "is an address and a port: 0.0.0.0:8080")
    }),
    rule("wifi_ssid", |value| wrong(value.len() > 32, "is at most 32 bytes")),
    rule("wifi_password", wifi_password),
    rule("wifi_country", |value| {
        let good = value.len() == 2 && value.bytes().all(|b| b.is_ascii_uppercase());
        wrong(!good, "is two capital letters, such as DE")
    }),
    rule("ntp", |value| {
        wrong(!value.split(' ').all(host), "is the names or addresses of time servers, a blank between them")
    }),
    rule("address", address),
    rule("gateway", |value| wrong(value.parse::<Ipv4Addr>().is_err(), "is an address such as 192.168.1.1")),
    rule("dns", |value| {
        wrong(
            !value.split(' ').all(|each| each.parse::<IpAddr>().is_ok()),
            "is addresses, a blank between them",
        )
    }),
];

/// Keys that mean something only beside another one.
pub const BESIDE: &[(&str, &str)] = &[
    ("wifi_password", "wifi_ssid"),
    ("wifi_country", "wifi_ssid"),
    ("gateway", "address"),
    ("dns", "address"),
];

/// The known key that is written most alike, if one is.
pub fn nearest(key: &str) -> Option<&'static str> {
    let lower = key.to_ascii_lowercase().replace('-', "_");
    let with_distance = RULES.iter().map(|rule| (distance(&lower, rule.key), rule.key));
    let (distance, nearest) = with_distance.min()?;
    (distance <= nearest.len().max(4) / 2).then_some(nearest)
}

/// How many letters must be put in, taken out or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, to) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn wrong(is_wrong: bool, why: &'static str) -> Option<&'static str> {
    is_wrong.then_some(why)
}

/// As `model::Name`.
fn name(value: &str) -> Option<&'static str> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let good = value.len() <= 63
        && value.bytes().all(|b| plain(b) || b"-_.".contains(&b))
        && value.bytes().next().is_some_and(plain)
        && !value.contains("..")
        && !value.ends_with('.')
        && !value.ends_with(".lock");
    wrong(!good, "is at most 63 of a-z, 0-9, '-', '_' and '.', beginning with a letter or digit")
}

fn timezone(value: &str) -> Option<&'static str> {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
    };
    wrong(!value.split('/').all(word), "is a name such as Europe/Berlin")
}

fn ssh_key(value: &str) -> Option<&'static str> {
    let mut words = value.split(' ');
    let kind = words.next().unwrap_or_default();
    let known = kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-");
    let data = words.next().is_some_and(|data| data.starts_with("AAAA"));
    wrong(!(known && data), "is a line of ~/.ssh/id_ed25519.pub: ssh-ed25519 AAAA... (the public key)")
}

fn wifi_password(value: &str) -> Option<&'static str> {
    let phrase = (8..=63).contains(&value.len()) && value.bytes().all(|b| (32..127).contains(&b));
    let key = value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit());
    wrong(!(phrase || key), "is 8 to 63 characters of a plain keyboard, or a key of 64 hexadecimal digits")
}

fn host(value: &str) -> bool {
    let label = |b: u8| b.is_ascii_alphanumeric() || b"-.:".contains(&b);
    !value.is_empty() && !value.starts_with('-') && value.bytes().all(label)
}

fn address(value: &str) -> Option<&'static str> {
    let good = value.split_once('/').is_some_and(|(address, bits)| {
        address.parse::<Ipv4Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| (1..=30).contains(&bits))
    });
    wrong(!good, "is an address with the length of its network: 192.168.1.20/24")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(key: &str, value: &str) -> Option<&'static str> {
        (RULES.iter().find(|rule| rule.key == key).unwrap().check)(value)
    }

    #[test]
    fn what_people_write_is_taken() {
        let good = [
            ("name", "front-door"),
            ("org", "Übermaker e.V."),
            ("timezone", "America/Argentina/Buenos_Aires"),
            ("ssh_key", "ssh-ed25519 AAAAC3Nz me@laptop"),
            ("dapps", "doorbot lockout"),
            ("listen", "[::]:8080"),
            ("wifi_ssid", "Café zum Löten"),
            ("wifi_password", "a \"b\" \\ ~"),
            ("wifi_country", "DE"),
            ("ntp", "192.168.1.1 pool.ntp.org fd00::1"),
            ("address", "10.0.0.7/8"),
            ("dns", "10.0.0.1 fd00::1"),
        ];
        for (key, value) in good {
            assert_eq!(why(key, value), None, "{key} = {value}");
        }
    }

    #[test]
    fn what_the_box_could_not_use_is_refused() {
        let bad = [
            ("name", "Front Door"),
            ("founder", "-x"),
            ("timezone", "Europe / Berlin"),
            ("import", "/home/me/acl.json"),
            ("ticket", "https://example.org"),
            ("ssh_key", "-----BEGIN OPENSSH PRIVATE KEY-----"),
            ("dapps", "doorbot, lockout"),
            ("dapps", "doorbot  lockout"),
            ("listen", "8080"),
            ("wifi_ssid", "a name that is longer than 32 bytes"),
            ("wifi_password", "short"),
            ("wifi_password", "Lötkolben"),
            ("wifi_country", "de"),
            ("ntp", "-s"),
            ("ntp", "a  b"),
            ("address", "192.168.1.20"),
            ("gateway", "192.168.1.1/24"),
            ("dns", "router"),
        ];
        for (key, value) in bad {
            assert!(why(key, value).is_some(), "{key} = {value}");
        }
    }

    #[test]
    fn the_nearest_key_is_the_one_that_was_meant() {
        for (written, meant) in
            [("wifi-ssid", "wifi_ssid"), ("Name", "name"), ("wifi_pasword", "wifi_password")]
        {
            assert_eq!(nearest(written), Some(meant));
        }
        assert_eq!(nearest("sshkey"), Some("ssh_key"));
        assert_eq!(nearest("color_of_the_door"), None);
    }
}
