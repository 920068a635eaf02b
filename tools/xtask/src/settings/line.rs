//! One line of settings, as the box's shell reads it: a piece of TOML that a `sed` can take apart.
//!
//! `key = "value"` without backslashes, or `key = 'value'`, with a comment behind it if one likes; comments; empty lines.
//! Its twin is `setting` in `board/common/root/usr/lib/ledger/common`, and a test holds the two together.

/// What a line is.
#[derive(Debug, PartialEq)]
pub enum Line<'a> {
    /// Empty, or a comment.
    Nothing,
    /// A key and its value.
    Pair(&'a str, &'a str),
    /// Something else: the key, if there is one, and what to do.
    Wrong(Option<&'a str>, &'static str),
}

const BLANKS: [char; 2] = [' ', '\t'];

/// Takes a line apart, which has no line end any more.
pub fn read(line: &str) -> Line<'_> {
    let line = line.trim_start_matches(BLANKS);
    if is_comment(line) {
        return Line::Nothing;
    }
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let value = rest.trim_start_matches(BLANKS).strip_prefix('=');
    let (Some(value), false) = (value, key.is_empty()) else {
        return Line::Wrong(None, wrong_line(line));
    };
    match quoted(value.trim_start_matches(BLANKS)) {
        Ok(value) => Line::Pair(key, value),
        Err(why) => Line::Wrong(Some(key), why),
    }
}

fn wrong_line(line: &str) -> &'static str {
    if line.starts_with('[') {
        "sections are not used: write the keys alone"
    } else {
        "write it as: key = \"value\""
    }
}

fn quoted(text: &str) -> Result<&str, &'static str> {
    let quote = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quote,
        _ => return Err("the value must stand in quotes: \"value\""),
    };
    let Some((value, rest)) = text[1..].split_once(quote) else {
        return Err("the closing quote is missing");
    };
    if quote == '"' && value.contains('\\') {
        return Err("a value with a backslash must stand in single quotes: 'value'");
    }
    if is_comment(rest.trim_start_matches(BLANKS)) {
        Ok(value)
    } else if rest.starts_with(quote) && value.is_empty() {
        Err("a value is one line in one pair of quotes")
    } else {
        Err(
            "there is something behind the closing quote. A value with \" in it must stand in single quotes: 'value'",
        )
    }
}

fn is_comment(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stands_in_either_quotes_with_a_comment_behind_it() {
        assert_eq!(read("name = \"front-door\""), Line::Pair("name", "front-door"));
        assert_eq!(read("\tname='a \"b\\c' # why"), Line::Pair("name", "a \"b\\c"));
        assert_eq!(read("name = \"it's # here\"#"), Line::Pair("name", "it's # here"));
        assert_eq!(read("  # name = \"x\""), Line::Nothing);
        assert_eq!(read(""), Line::Nothing);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        let why = |line: &'static str| match read(line) {
            Line::Wrong(_, why) => why,
            other => panic!("{line}: {other:?}"),
        };
        assert!(why("name = front-door").contains("quotes"));
        assert!(why("name = \"front").contains("closing"));
        assert!(why("name = \"a\\n\"").contains("backslash"));
        assert!(why("name = \"\"\"a\"\"\"").contains("one line"));
        assert!(why("wifi_password = \"a\"b\"").contains("single quotes"));
        assert!(why("[wifi]").contains("sections"));
        assert!(why("front-door").contains("key = "));
        assert!(why("= \"x\"").contains("key = "));
    }
}
