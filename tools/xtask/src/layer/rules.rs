//! The rules of Buildroot's `utils/check-package` that our files could break, restated: it comes with Buildroot alone.
//!
//! docs/walkthroughs/layers.md has a run of the original.

const LINE: usize = 80;

/// The rules that a file of the layer breaks.
pub fn broken(name: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut say = |line: usize, what: &str| wrong.push(format!("{name}:{}: {what}", line + 1));
    if !text.ends_with('\n') || text.ends_with("\n\n") {
        say(text.lines().count().saturating_sub(1), "ends with one line feed");
    }
    for (at, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t']) {
            say(at, "has blanks at its end");
        }
        if line.is_empty() && text.lines().nth(at + 1) == Some("") {
            say(at, "is one of two empty lines");
        }
        if is_config(name) && line.starts_with(' ') {
            say(at, "begins with blanks where a tab belongs");
        }
        if is_config(name) && line.starts_with("\t  ") && line.len() + 7 > LINE {
            say(at, "is longer than 80 columns");
        }
        if name.ends_with(".hash") && !is_hash(line) {
            say(at, "is no `sha256  hash  file`");
        }
    }
    if name.ends_with(".mk") && !has_header(text) {
        say(0, "has no header of five lines with 80 hashes above and below");
    }
    wrong
}

fn is_config(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|name| name.starts_with("Config.in"))
}

fn is_hash(line: &str) -> bool {
    let fields: Vec<&str> = line.split("  ").collect();
    line.is_empty()
        || line.starts_with('#')
        || matches!(fields[..], ["sha256", hash, file] if hash.len() == 64 && !file.is_empty())
}

fn has_header(text: &str) -> bool {
    let lines: Vec<&str> = text.lines().take(6).collect();
    let line = "#".repeat(LINE);
    matches!(lines[..], [first, "#", title, "#", last, ""] if first == line && last == line && title.starts_with("# "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_found_broken() {
        let header = format!("{0}\n#\n# x\n#\n{0}\n\n", "#".repeat(80));
        assert_eq!(broken("a.mk", &format!("{header}A = 1\n")), Vec::<String>::new());
        let count = |name: &str, text: &str| broken(name, text).len();
        assert_eq!(count("a.mk", "A = 1\n"), 1);
        assert_eq!(count("a", "A"), 1);
        assert_eq!(count("a", "A \n"), 1);
        assert_eq!(count("a", "A\n\n\nB\n"), 1);
        assert_eq!(count("p/Config.in", "config A\n  bool\n"), 1);
        assert_eq!(count("p/Config.in.host", &format!("\thelp\n\t  {}\n", "x".repeat(75))), 1);
        assert_eq!(count("p/p.hash", "sha256 ab LICENSE\n"), 1);
        assert_eq!(count("p/p.hash", &format!("# ours\nsha256  {}  LICENSE\n", "a".repeat(64))), 0);
    }
}
