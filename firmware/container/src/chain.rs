//! An error for people, in one line: what failed, and why, and why that.

use std::error::Error;

/// An error with its causes, leaving out what the one before already said.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text
}
