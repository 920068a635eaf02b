//! Which release this box wants, and why, or why not yet.
//!
//! One answer from facts alone. The rules, from strong to weak: what does not fit the board or the channel does not exist; nobody goes back below the floor; nobody
//! takes less than the newest release that was ever seen, if that one is gone; a person who says *now* comes before plan and hours, and one who
//! pins a box before the plan; else the newest release that is open to this box, where an older one that is open comes before a newer one that is not.

use crate::{Approved, Facts, Kind, Mode, Release, Version, Wishes, place_of};
use model::Millis;
use std::fmt;

/// The answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer<'a> {
    /// Fetch it, install it, restart.
    Now(Choice<'a>),
    /// Fetch and write it, and wait for a person with the restart.
    Prefetch(Choice<'a>),
    /// Not yet.
    Later(Choice<'a>, Why),
    /// There is none.
    Nothing(Nothing),
}

/// A release that is wanted.
#[derive(Clone, PartialEq, Debug)]
pub struct Choice<'a> {
    /// It.
    pub release: &'a Approved,
    /// A newer one that is not open to this box, and why.
    pub instead_of: Option<(Version, Why)>,
}

/// Why a release has to wait.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// Its rollout begins then.
    NotBegun(Millis),
    /// The share of boxes does not reach this one.
    Share {
        /// So many of a hundred may.
        percent: u8,
        /// When it is this one's turn, if it ever is.
        turn: Option<Millis>,
    },
    /// It failed on too many boxes.
    Held {
        /// On so many.
        failed: u32,
        /// Of so many that tried.
        tried: u32,
    },
    /// These are the quiet hours.
    Quiet(Millis),
    /// A release in between is needed.
    Step(Version),
    /// It failed here.
    FailedHere(String),
    /// Nothing happens here by itself.
    ByHand,
}

/// Why nothing is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nothing {
    /// No release for this board and channel.
    NoRelease,
    /// The newest one runs.
    UpToDate,
    /// The box stays at the version that runs.
    Pinned(Version),
    /// A person named a version that is not there.
    Unknown(Version),
    /// A person named a version that is below the floor.
    BelowFloor {
        /// The version.
        version: Version,
        /// The floor.
        floor: Version,
    },
    /// The newest release that was seen is gone, or another document has its version.
    Hidden(Version),
}

/// What this box wants of the releases that are known.
pub fn want<'a>(releases: &'a [Approved], wishes: &Wishes, facts: &Facts) -> Answer<'a> {
    let open = Open { fit: fitting(releases, wishes, facts), wishes, facts };
    if open.fit.is_empty() {
        return Answer::Nothing(Nothing::NoRelease);
    }
    match (&wishes.asked, &wishes.pinned) {
        (Some(asked), _) if *asked != facts.running => open.asked(asked),
        (_, Some(pinned)) => open.pinned(pinned),
        _ => open.newest(),
    }
}

/// The releases for this board and channel, the newest first. Of two documents with one version the one that was seen before
/// counts, else neither.
fn fitting<'a>(releases: &'a [Approved], wishes: &Wishes, facts: &Facts) -> Vec<&'a Approved> {
    let fits = |approved: &&Approved| {
        let release = approved.release();
        release.kind == Kind::System && release.channel == wishes.channel && release.fits(&facts.board)
    };
    let mut fit: Vec<&Approved> = releases.iter().filter(fits).collect();
    fit.sort_by(|a, b| (&b.release().version, b.id()).cmp(&(&a.release().version, a.id())));
    fit.dedup_by_key(|approved| approved.id());
    let newest = facts.memory.newest(&wishes.channel);
    let alone = |approved: &Approved| {
        let version = &approved.release().version;
        match newest.filter(|seen| seen.version == *version) {
            Some(seen) => seen.id == approved.id(),
            None => fit.iter().filter(|other| other.release().version == *version).count() == 1,
        }
    };
    fit.iter().copied().filter(|approved| alone(approved)).collect()
}

/// The releases that fit, and what the decision goes by.
struct Open<'a, 'b> {
    fit: Vec<&'a Approved>,
    wishes: &'b Wishes,
    facts: &'b Facts,
}

impl<'a> Open<'a, '_> {
    fn named(&self, version: &Version) -> Result<&'a Approved, Nothing> {
        let memory = &self.facts.memory;
        if *version < self.facts.running && memory.forbids(version) {
            let floor = memory.floor().unwrap_or(version).clone();
            return Err(Nothing::BelowFloor { version: version.clone(), floor });
        }
        let found = self.fit.iter().find(|approved| approved.release().version == *version);
        found.copied().ok_or_else(|| Nothing::Unknown(version.clone()))
    }

    /// A person says now: neither plan nor hours nor an earlier failure stand against it.
    fn asked(&self, version: &Version) -> Answer<'a> {
        match self.named(version) {
            Err(nothing) => Answer::Nothing(nothing),
            Ok(release) => {
                let choice = Choice { release, instead_of: None };
                match self.step(release.release()) {
                    Some(why) => Answer::Later(choice, why),
                    None => Answer::Now(choice),
                }
            }
        }
    }

    fn pinned(&self, version: &Version) -> Answer<'a> {
        if *version == self.facts.running {
            return Answer::Nothing(Nothing::Pinned(version.clone()));
        }
        match self.named(version) {
            Err(nothing) => Answer::Nothing(nothing),
            Ok(release) => {
                let choice = Choice { release, instead_of: None };
                match self.failed(release).or_else(|| self.step(release.release())) {
                    Some(why) => Answer::Later(choice, why),
                    None => self.as_wished(choice),
                }
            }
        }
    }

    fn newest(&self) -> Answer<'a> {
        let running = &self.facts.running;
        let newest = self.fit.first().map(|approved| &approved.release().version);
        let seen = self.facts.memory.newest(&self.wishes.channel).map(|seen| &seen.version);
        if let Some(seen) = seen.filter(|seen| newest < Some(seen) && *seen > running) {
            return Answer::Nothing(Nothing::Hidden(seen.clone()));
        }
        let newer = || self.fit.iter().filter(|approved| approved.release().version > *running);
        let mut waiting: Vec<(&Approved, Why)> = Vec::new();
        for release in newer() {
            match self.waits(release) {
                Some(why) => waiting.push((release, why)),
                None => return self.as_wished(Choice { release, instead_of: first(&waiting) }),
            }
        }
        // What waits for its turn says more than what waits for that one.
        let is_step = |(_, why): &(&Approved, Why)| matches!(why, Why::Step(_));
        let at = waiting.iter().position(|waiting| !is_step(waiting)).unwrap_or(0);
        match waiting.into_iter().nth(at) {
            Some((release, why)) => Answer::Later(Choice { release, instead_of: None }, why),
            None => Answer::Nothing(Nothing::UpToDate),
        }
    }

    /// Quiet hours and the mode, for a release that is open.
    fn as_wished(&self, choice: Choice<'a>) -> Answer<'a> {
        let quiet = self.wishes.quiet.filter(|hours| hours.has(self.facts.minute));
        match (self.wishes.mode, quiet) {
            (Mode::ByHand, _) => Answer::Later(choice, Why::ByHand),
            (_, Some(hours)) => {
                let end = hours.end(self.facts.now, self.facts.minute);
                Answer::Later(choice, Why::Quiet(end))
            }
            (Mode::Automatic, None) => Answer::Now(choice),
            (Mode::PrefetchOnly, None) => Answer::Prefetch(choice),
        }
    }

    fn waits(&self, approved: &Approved) -> Option<Why> {
        self.failed(approved).or_else(|| self.step(approved.release())).or_else(|| self.rollout(approved))
    }

    fn failed(&self, approved: &Approved) -> Option<Why> {
        let failure = self.facts.memory.failure(&approved.id())?;
        Some(Why::FailedHere(failure.reason.clone()))
    }

    fn step(&self, release: &Release) -> Option<Why> {
        let from = release.from.as_ref().filter(|from| self.facts.running < **from)?;
        Some(Why::Step(from.clone()))
    }

    fn rollout(&self, approved: &Approved) -> Option<Why> {
        let rollout = approved.release().rollout.as_ref()?;
        let tally = self.facts.reports.get(&approved.id()).copied().unwrap_or_default();
        if rollout.hold.is_some_and(|hold| tally.failed >= hold) {
            return Some(Why::Held { failed: tally.failed, tried: tally.tried });
        }
        let (now, place) = (self.facts.now, place_of(&self.facts.node, &approved.id()));
        if rollout.share(now).reaches(place) {
            return None;
        }
        let turn = rollout.turn(place);
        let begun = rollout.steps.iter().rfind(|step| step.at <= now);
        Some(match (begun, rollout.next(now)) {
            (None, Some(first)) => Why::NotBegun(first.at),
            (begun, _) => Why::Share { percent: begun.map_or(0, |step| step.percent), turn },
        })
    }
}

fn first(waiting: &[(&Approved, Why)]) -> Option<(Version, Why)> {
    waiting.first().map(|(approved, why)| (approved.release().version.clone(), why.clone()))
}

impl Why {
    /// When to look again, if time alone helps.
    pub fn look_again(&self) -> Option<Millis> {
        match self {
            Self::NotBegun(at) | Self::Quiet(at) => Some(*at),
            Self::Share { turn, .. } => *turn,
            _ => None,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBegun(at) => write!(f, "it goes out from {at} on"),
            Self::Share { percent, turn: Some(turn) } => {
                write!(f, "it goes to {percent} of 100 boxes now, and to this one from {turn} on")
            }
            Self::Share { percent, turn: None } => {
                write!(f, "it goes to {percent} of 100 boxes, and this one is not among them")
            }
            Self::Held { failed, tried } => write!(f, "held, for it failed on {failed} of {tried} boxes"),
            Self::Quiet(until) => write!(f, "quiet hours until {until}"),
            Self::Step(from) => {
                write!(f, "this box must run {from} or newer first, and no such release is open to it")
            }
            Self::FailedHere(reason) => write!(f, "it failed here: {reason}"),
            Self::ByHand => f.write_str("this box waits for a person to say so"),
        }
    }
}

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRelease => f.write_str("there is no release for this board in this channel"),
            Self::UpToDate => f.write_str("the newest release runs"),
            Self::Pinned(version) => write!(f, "this box stays at {version}"),
            Self::Unknown(version) => {
                write!(f, "there is no release {version} for this board in this channel")
            }
            Self::BelowFloor { version, floor } => {
                write!(
                    f,
                    "nobody goes back to {version}: the releases of this channel forbid it below {floor}"
                )
            }
            Self::Hidden(version) => write!(
                f,
                "the release {version} was seen here and is gone or changed, and nothing older is taken in its place"
            ),
        }
    }
}

impl fmt::Display for Answer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |choice: &Choice<'_>| choice.release.release().version.clone();
        let choice = match self {
            Self::Nothing(nothing) => return write!(f, "{nothing}"),
            Self::Later(choice, why) => return write!(f, "{} later: {why}", version(choice)),
            Self::Now(choice) => {
                write!(f, "{} now", version(choice))?;
                choice
            }
            Self::Prefetch(choice) => {
                write!(f, "{} is fetched now, and installed when a person says so", version(choice))?;
                choice
            }
        };
        match &choice.instead_of {
            Some((newer, why)) => write!(f, "; not {newer}: {why}"),
            None => Ok(()),
        }
    }
}
