//! File names for people: from `Zoë.O'Hara` to `zoe-o-hara`.

/// The longest slug: with a number behind it and `.toml` it is still a name.
const MAX_BYTES: usize = 50;

/// A member's name as a part of a path: `a-z`, `0-9` and single `-`. Different members may get the same one.
pub(super) fn slug(member: &str) -> String {
    let mut slug = String::new();
    for c in member.chars().flat_map(char::to_lowercase) {
        match plain(c) {
            Some(letters) => slug.push_str(letters),
            None if c.is_ascii_alphanumeric() => slug.push(c),
            None if slug.ends_with('-') => {}
            None => slug.push('-'),
        }
    }
    slug.truncate(MAX_BYTES); // all of it is ASCII
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "member".to_string() } else { slug.to_string() }
}

/// Latin letters with marks, without them.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ė' | 'ę' | 'ě' => "e",
        'ğ' | 'ģ' => "g",
        'ì'..='ï' | 'ī' | 'į' | 'ı' => "i",
        'ķ' => "k",
        'ł' | 'ļ' | 'ľ' => "l",
        'ñ' | 'ń' | 'ň' | 'ņ' => "n",
        'ò'..='ö' | 'ø' | 'ő' | 'ō' => "o",
        'œ' => "oe",
        'ř' | 'ŕ' => "r",
        'ß' => "ss",
        'ś' | 'š' | 'ş' | 'ș' => "s",
        'ť' | 'ţ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ū' | 'ů' | 'ű' | 'ų' => "u",
        'ý' | 'ÿ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        '\u{300}'..='\u{36f}' | '\'' | '’' => "",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Name;

    #[test]
    fn names_of_many_people_become_names_of_files() {
        for (member, want) in [
            ("Alice.Example", "alice-example"),
            ("Zoë.O'Hara", "zoe-ohara"),
            ("Jürgen Groß", "jurgen-gross"),
            ("Łukasz_Żak", "lukasz-zak"),
            ("..//..", "member"),
            ("李雷", "member"),
            ("-x-", "x"),
            ("a.lock", "a-lock"),
        ] {
            assert_eq!(slug(member), want);
        }
    }

    #[test]
    fn any_slug_is_a_name_with_a_number_and_toml_behind_it() {
        for member in ["é".repeat(300), "a".repeat(300), "ß.".repeat(100)] {
            assert!(format!("{}-9999.toml", slug(&member)).parse::<Name>().is_ok());
        }
    }
}
