//! A walkthrough's page: commands with what they should print, and what the network is like meanwhile.

/// One thing that a page says, in its order.
#[derive(Debug, PartialEq)]
pub enum Part {
    /// Do this.
    Step(Step),
    /// From here on the boxes are connected so: each group keeps to itself.
    Network(Vec<Vec<String>>),
    /// A box's power is cut, or comes back.
    Power {
        /// The line of the page, from 1.
        line: usize,
        /// Which box.
        name: String,
        /// Whether it comes back.
        on: bool,
    },
}

/// A command and what is expected of it.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// The line of the page, from 1.
    pub line: usize,
    /// The box on which it is run, as the prompt has it: `front$ `; nothing for a plain `$ `.
    pub on: String,
    /// The command, its lines joined.
    pub command: String,
    /// The lines that it should print.
    pub expected: Vec<String>,
    /// How it should exit.
    pub status: i32,
}

/// What a fenced block is for.
#[derive(Clone, Copy, PartialEq)]
enum Fence {
    Console,
    Network,
    Power,
    Other,
}

/// The parts of a page; an error says where the page makes no sense.
pub fn parse(text: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut fence) = (Vec::new(), None);
    for (number, line) in text.lines().enumerate() {
        if let Some(kind) = line.strip_prefix("```") {
            fence = if fence.is_some() { None } else { Some(fence_of(kind.trim())) };
            continue;
        }
        match fence {
            Some(Fence::Console) => take(line, number + 1, &mut parts)?,
            Some(Fence::Network) => parts.push(network(line)),
            Some(Fence::Power) => parts.push(power(line, number + 1)?),
            Some(Fence::Other) | None => {}
        }
    }
    let has_step = parts.iter().any(|part| matches!(part, Part::Step(_)));
    if has_step { Ok(parts) } else { Err("1: no command in it".to_string()) }
}

fn fence_of(kind: &str) -> Fence {
    match kind {
        "console" => Fence::Console,
        "network" => Fence::Network,
        "power" => Fence::Power,
        _ => Fence::Other,
    }
}

/// `front | back shop`: two groups.
fn network(line: &str) -> Part {
    let groups = line.split('|').map(|group| group.split_whitespace().map(String::from).collect());
    Part::Network(groups.collect())
}

/// `front off`.
fn power(text: &str, line: usize) -> Result<Part, String> {
    let (name, on) = match text.split_once(' ') {
        Some((name, "on")) => (name, true),
        Some((name, "off")) => (name, false),
        _ => return Err(format!("{line}: a box and `on` or `off`, not {text:?}")),
    };
    Ok(Part::Power { line, name: name.to_owned(), on })
}

fn take(line: &str, number: usize, parts: &mut Vec<Part>) -> Result<(), String> {
    if let Some((on, command)) = prompt(line) {
        let (on, command) = (on.to_string(), command.to_string());
        parts.push(Part::Step(Step { line: number, on, command, expected: Vec::new(), status: 0 }));
        return Ok(());
    }
    let Some(Part::Step(step)) = parts.last_mut() else {
        return Err(format!("{number}: output before the first command"));
    };
    let more = line.strip_prefix("> ").filter(|_| step.expected.is_empty());
    let status = line.strip_prefix("[exit ").and_then(|rest| rest.strip_suffix(']')).map(str::parse);
    match (more, status) {
        (Some(more), _) => step.command += &format!("\n{more}"),
        (_, Some(Ok(status))) => step.status = status,
        _ => step.expected.push(line.trim_end().to_string()),
    }
    Ok(())
}

/// The box and the command of a line that begins with a prompt.
fn prompt(line: &str) -> Option<(&str, &str)> {
    let (on, command) = line.split_once("$ ")?;
    on.chars().all(|c| c.is_ascii_lowercase()).then_some((on, command))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn step(line: usize, on: &str, command: &str, expected: &[&str], status: i32) -> Part {
        let expected = expected.iter().map(|line| (*line).into()).collect();
        Part::Step(Step { line, on: on.into(), command: command.into(), expected, status })
    }

    #[test]
    fn a_page_is_read_as_commands_and_what_they_print() {
        let page = "# T\n```console\n$ a\n> b\nout\n[exit 1]\n$ c\n```\n```\n$ not this\n```\n";
        assert_eq!(parse(page).unwrap(), [step(3, "", "a\nb", &["out"], 1), step(7, "", "c", &[], 0)]);
    }

    #[test]
    fn a_prompt_names_its_box_and_a_network_block_its_groups() {
        let page = "```network\nfront | back shop\n```\n```console\nback$ a\nA$ out\n```\n";
        let group = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect::<Vec<_>>();
        let network = Part::Network(vec![group(&["front"]), group(&["back", "shop"])]);
        assert_eq!(parse(page).unwrap(), [network, step(5, "back", "a", &["A$ out"], 0)]);
    }

    #[test]
    fn a_power_block_cuts_a_box_off_and_gives_it_back() {
        let power = |line, on| Part::Power { line, name: "shop".into(), on };
        let parts = parse("```power\nshop off\nshop on\n```\n```console\n$ a\n```\n").unwrap();
        assert_eq!(parts, [power(2, false), power(3, true), step(6, "", "a", &[], 0)]);
        assert!(parse("```power\nshop away\n```").unwrap_err().starts_with("2: "));
    }

    #[test]
    fn patterns_stand_for_parts_of_lines_and_for_lines() {
        let lines = |text: &str| text.lines().map(String::from).collect::<Vec<_>>();
        let good = |pattern: &str, text: &str| matches(&lines(pattern), &lines(text));
        assert!(good("a [..] c\n...\nz", "a bb c\nx\ny\nz"));
        assert!(good("[..]b[..]", "abc") && good("...", ""));
        assert!(!good("a", "a\nb") && !good("a [..] c", "a b") && !good("...\nz", "y"));
    }
}
