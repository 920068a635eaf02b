//! What this box wants just now, from all that it knows: one answer, and how far the machine may go with it.

use super::{
    catalogue::Catalogue,
    wishes::{ModeWord, Settings},
};
use crate::wire;
use model::ReleaseId;
use update::{Answer, Facts, May, Version, Why, want};

/// Why a release that was fetched ahead is not installed.
const WAITS_FOR_A_PERSON: &str = "this box waits for a person to say so";

/// What the box wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice {
    /// How far the machine may go.
    pub may: May,
    /// The release that is to be begun.
    pub begin: Option<ReleaseId>,
    /// The release that is wanted, now or later, with the reason.
    pub wanted: Option<wire::Wanted>,
    /// Whether what is being written is to be given up.
    pub give_up: bool,
}

impl Choice {
    /// Nothing, for a reason.
    pub fn nothing(why: String) -> Self {
        Self { may: May::Nothing(why), begin: None, wanted: None, give_up: false }
    }

    /// What is best. A hold stops those who have not begun; `begun` goes on.
    pub fn of(
        catalogue: &Catalogue,
        settings: &Settings,
        asked: Option<Version>,
        begun: Option<ReleaseId>,
        facts: &Facts,
    ) -> Self {
        let wishes = settings.wishes(asked);
        let answer = want(catalogue.approved(), &wishes, facts);
        let why = answer.to_string();
        let named = |choice: &update::Choice<'_>| {
            let version = choice.release.release().version.to_string();
            Some(wire::Wanted { version, id: choice.release.id(), why: why.clone() })
        };
        match &answer {
            Answer::Now(choice) => {
                let begin = Some(choice.release.id());
                Self { may: May::All, begin, wanted: named(choice), give_up: false }
            }
            Answer::Prefetch(choice) => {
                let (may, begin) = (May::Write(WAITS_FOR_A_PERSON.to_owned()), Some(choice.release.id()));
                Self { may, begin, wanted: named(choice), give_up: false }
            }
            Answer::Later(choice, Why::Held { .. })
                if begun == Some(choice.release.id()) && settings.mode != ModeWord::ByHand =>
            {
                let waits = May::Write(WAITS_FOR_A_PERSON.to_owned());
                let may = if settings.mode == ModeWord::Automatic { May::All } else { waits };
                Self { may, begin: begun, wanted: named(choice), give_up: false }
            }
            Answer::Later(choice, why) => {
                let may = May::Nothing(why.to_string());
                Self { may, begin: None, wanted: named(choice), give_up: false }
            }
            Answer::Nothing(_) => Self { give_up: true, ..Self::nothing(why) },
        }
    }

    /// Why nothing is done, if nothing is.
    pub fn waits(&self) -> Option<&str> {
        match &self.may {
            May::Nothing(why) => Some(why),
            May::All | May::Write(_) => None,
        }
    }
}
