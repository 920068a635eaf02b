//! A walkthrough's page: commands with what they should print.

/// A command and what is expected of it.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// The line of the page, from 1.
    pub line: usize,
    /// The command, its lines joined.
    pub command: String,
    /// The lines that it should print.
    pub expected: Vec<String>,
    /// How it should exit.
    pub status: i32,
}

/// The steps of a page; an error says where the page makes no sense.
pub fn parse(text: &str) -> Result<Vec<Step>, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        if line.starts_with("```") {
            inside = !inside && line.trim() == "```console";
        } else if inside {
            take(line, line_number, &mut steps)?;
        }
    }
    if steps.is_empty() { Err("1: no command in it".to_string()) } else { Ok(steps) }
}

fn take(line: &str, number: usize, steps: &mut Vec<Step>) -> Result<(), String> {
    if let Some(command) = line.strip_prefix("$ ") {
        let step = Step { line: number, command: command.to_string(), expected: Vec::new(), status: 0 };
        steps.push(step);
        return Ok(());
    }
    let step = steps.last_mut().ok_or(format!("{number}: output before the first command"))?;
    let more = line.strip_prefix("> ").filter(|_| step.expected.is_empty());
    let status = line.strip_prefix("[exit ").and_then(|rest| rest.strip_suffix(']')).map(str::parse);
    match (more, status) {
        (Some(more), _) => step.command += &format!("\n{more}"),
        (_, Some(Ok(status))) => step.status = status,
        _ => step.expected.push(line.trim_end().to_string()),
    }
    Ok(())
}

/// Whether the lines fit the pattern: `[..]` within a line is anything, a line `...` any lines.
pub fn matches(pattern: &[String], lines: &[String]) -> bool {
    match pattern.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => (0..=lines.len()).any(|skip| matches(rest, &lines[skip..])),
        Some((first, rest)) => {
            lines.split_first().is_some_and(|(line, more)| line_matches(first, line) && matches(rest, more))
        }
    }
}

fn line_matches(pattern: &str, line: &str) -> bool {
    match pattern.split_once("[..]") {
        None => pattern == line,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            let ends = rest.char_indices().map(|(end, _)| end).chain([rest.len()]);
            ends.into_iter().any(|end| line_matches(after, &rest[end..]))
        }),
    }
}

#[test]
fn a_page_is_read_as_commands_and_what_they_print() {
    let page = "# T\n```console\n$ a\n> b\nout\n[exit 1]\n$ c\n```\n```\n$ not this\n```\n";
    let step = |line, command: &str, expected: &[&str], status| Step {
        line,
        command: command.into(),
        expected: expected.iter().map(|line| (*line).into()).collect(),
        status,
    };
    assert_eq!(parse(page).unwrap(), [step(3, "a\nb", &["out"], 1), step(7, "c", &[], 0)]);
}

#[test]
fn patterns_stand_for_parts_of_lines_and_for_lines() {
    let lines = |text: &str| text.lines().map(String::from).collect::<Vec<_>>();
    let good = |pattern: &str, text: &str| matches(&lines(pattern), &lines(text));
    assert!(good("a [..] c\n...\nz", "a bb c\nx\ny\nz"));
    assert!(good("[..]b[..]", "abc") && good("...", ""));
    assert!(!good("a", "a\nb") && !good("a [..] c", "a b") && !good("...\nz", "y"));
}
