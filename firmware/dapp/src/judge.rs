//! What a judge reads and says, as types, for judges in Rust.
//!
//! A judge finds one JSON object at [`INPUT_PATH`], and its last line is its [`Answer`]. It decides from the input alone:
//! a judge that asks the clock or chance says two things when it is asked twice, and is believed neither. The protocol is
//! docs/formats/judge.md.

use model::{Millis, Name, OrgId, StatePath};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::BTreeMap};

/// Where the input is.
pub const INPUT_PATH: &str = "/run/judge/input.json";

/// A merge to judge. Documents stay text until somebody reads them: a judge has little memory.
#[derive(Debug, Deserialize)]
pub struct Input<'a> {
    /// The organisation.
    pub org: OrgId,
    /// The branch that is merged onto.
    pub branch: Name,
    /// The merge's height on it.
    pub height: u64,
    /// The merge's time, the only clock that a judge has.
    pub at: Millis,
    /// The dapp whose judge is asked.
    pub dapp: Name,
    /// What differs between the two states.
    #[serde(borrow)]
    pub changes: Vec<InputChange<'a>>,
    /// The state before, as far as the manifest lets the judge see it.
    #[serde(borrow)]
    pub base: Documents<'a>,
    /// The state after.
    #[serde(borrow)]
    pub merged: Documents<'a>,
}

/// Documents by path, as JSON text.
pub type Documents<'a> = BTreeMap<StatePath, &'a RawValue>;

/// A document that is not the same before and after.
#[derive(Debug, Deserialize)]
pub struct InputChange<'a> {
    /// Where.
    pub path: StatePath,
    /// The document before, if there was one.
    #[serde(borrow)]
    pub old: Option<&'a RawValue>,
    /// The document after, if there is one.
    #[serde(borrow)]
    pub new: Option<&'a RawValue>,
}

impl<'a> Input<'a> {
    /// Reads the text of the input.
    pub fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// What a judge says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub enum Answer {
    /// The merge keeps the rules.
    Pass,
    /// It does not.
    Fail {
        /// Why, for the author of the change; 1 to 16 lines.
        reasons: Vec<String>,
    },
}

impl Answer {
    /// The most reasons that are taken.
    pub const MAX_REASONS: usize = 16;
    /// The longest reason that is worth saying, in bytes: all of them must fit into one line of 8 KiB.
    const MAX_REASON_BYTES: usize = 300;

    /// Fails for these reasons; passes if there are none. What is more than an answer may hold is only counted.
    pub fn from_reasons(mut reasons: Vec<String>) -> Self {
        if reasons.is_empty() {
            return Self::Pass;
        }
        let surplus = (reasons.len() + 1).saturating_sub(Self::MAX_REASONS);
        if reasons.len() > Self::MAX_REASONS {
            reasons.truncate(Self::MAX_REASONS - 1);
            reasons.push(format!("and {surplus} more"));
        }
        Self::Fail { reasons: reasons.iter().map(|reason| cut(reason).into_owned()).collect() }
    }

    /// The line to write.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("because text is always JSON")
    }
}

fn cut(reason: &str) -> Cow<'_, str> {
    if reason.len() <= Answer::MAX_REASON_BYTES {
        return reason.into();
    }
    let fits = |(at, c): (usize, char)| (at + c.len_utf8() <= Answer::MAX_REASON_BYTES).then_some(c);
    format!("{}...", reason.char_indices().map_while(fits).collect::<String>()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_read_without_reading_its_documents() {
        let org = "ab".repeat(32);
        let text = format!(
            r#"{{"at":5,"base":{{}},"branch":"main","changes":[{{"new":{{"a":1}},"old":null,"path":"x/a.toml"}}],"dapp":"x","height":7,"merged":{{"x/a.toml":{{"a":1}}}},"org":"{org}"}}"#
        );
        let input = Input::parse(&text).unwrap();
        assert_eq!((input.height, input.at, input.changes.len()), (7, Millis(5), 1));
        assert!(input.changes[0].old.is_none() && input.base.is_empty());
        assert_eq!(input.merged[&"x/a.toml".parse::<StatePath>().unwrap()].get(), r#"{"a":1}"#);
    }

    #[test]
    fn an_answer_is_one_line_in_its_two_shapes() {
        assert_eq!(Answer::from_reasons(vec![]).to_line(), r#"{"verdict":"pass"}"#);
        let fail = Answer::from_reasons(vec!["a\nb".into()]).to_line();
        assert_eq!(fail, r#"{"verdict":"fail","reasons":["a\nb"]}"#);
    }

    #[test]
    fn an_answer_with_too_much_to_say_still_fits() {
        let reasons = (0..40).map(|n| format!("{n} {}", "é".repeat(1000))).collect();
        let answer = Answer::from_reasons(reasons);
        assert!(answer.to_line().len() < 8 * 1024);
        let Answer::Fail { reasons } = answer else { panic!("it fails") };
        assert_eq!((reasons.len(), reasons[15].as_str()), (16, "and 25 more"));
    }
}
