//! What an installation does just now, for people: a stage, bytes and percent, and why it waits.

use super::{asked::May, updater::Updater, writer::Stage};
use crate::{Gate, Job, Seen, Uptime};
use std::fmt;

/// What it is doing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    /// Nothing.
    Nothing,
    /// It looks what is there already.
    Looking,
    /// It fetches and writes.
    Writing,
    /// It makes sure that the card has it, and reads it back.
    Checking,
    /// All is there, and the box has to restart.
    Ready,
    /// The new release shows whether it does.
    OnTrial,
    /// It goes back.
    GoingBack,
}

/// What an installation does just now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Of which release.
    pub release: Option<Seen>,
    /// What.
    pub doing: Doing,
    /// Bytes that are in place, and all of them.
    pub written: (u64, u64),
    /// Bytes that were fetched, and all that will be, at most.
    pub fetched: (u64, u64),
    /// Why it waits, if it does.
    pub waits: Option<String>,
}

impl Status {
    /// How much of a hundred is in place.
    pub fn percent(&self) -> u8 {
        let (done, all) = self.written;
        u8::try_from(u128::from(done) * 100 / u128::from(all.max(1))).unwrap_or(100).min(100)
    }
}

impl Updater {
    /// What it does just now.
    pub fn status(&self) -> Status {
        let doing = self.doing();
        let writer = self.writer.as_ref();
        Status {
            release: self.record.job.release().cloned(),
            doing,
            written: writer.map_or((0, 0), |writer| writer.done()),
            fetched: writer.map_or((0, 0), |writer| writer.fetched()),
            waits: self.waits(doing),
        }
    }

    fn doing(&self) -> Doing {
        match (&self.record.job, self.writer_stage()) {
            (Job::Idle, _) => Doing::Nothing,
            (Job::Writing { .. }, None | Some(Stage::Looking)) => Doing::Looking,
            (Job::Writing { .. }, Some(Stage::Writing | Stage::GivenUp(_))) => Doing::Writing,
            (Job::Writing { .. }, Some(Stage::Syncing | Stage::Checking)) => Doing::Checking,
            (Job::Writing { .. }, Some(Stage::Whole)) => Doing::Ready,
            (Job::Trying { target, .. }, _) if *target == self.running => Doing::OnTrial,
            (Job::Trying { .. }, _) => Doing::Ready,
            (Job::Failing { .. } | Job::Back { .. }, _) => Doing::GoingBack,
        }
    }

    fn waits(&self, doing: Doing) -> Option<String> {
        let again = |words: &str, at: Option<Uptime>| match at {
            Some(at) => format!("{words}; next try {} s after the start", at.0 / 1000),
            None => words.to_owned(),
        };
        if let Some(trouble) = &self.trouble {
            return Some(again(trouble, self.retry()));
        }
        if let Some((words, at)) = self.writer.as_ref().and_then(|writer| writer.waits()) {
            return Some(again(words, Some(at)));
        }
        match (doing, &self.may) {
            (Doing::Nothing | Doing::GoingBack, _) => None,
            (Doing::OnTrial, _) => self.gate.as_ref().map(Gate::standing),
            (_, May::Nothing(why)) | (Doing::Ready, May::Write(why)) => Some(why.clone()),
            _ if !self.slots.is_good(self.running) => {
                Some("the release that runs has not proven itself yet".to_owned())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing to install",
            Self::Looking => "looking what is there already",
            Self::Writing => "writing",
            Self::Checking => "reading back",
            Self::Ready => "ready for the restart",
            Self::OnTrial => "on trial",
            Self::GoingBack => "going back",
        })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(release) = &self.release {
            write!(f, "{}: ", release.version)?;
        }
        write!(f, "{}", self.doing)?;
        if self.written.1 > 0 {
            let (done, all) = self.written;
            write!(f, ", {} of {} bytes in place ({} %)", done, all, self.percent())?;
        }
        if self.fetched.1 > 0 {
            write!(f, ", {} of {} bytes fetched", self.fetched.0, self.fetched.1)?;
        }
        match &self.waits {
            Some(why) => write!(f, "; waits: {why}"),
            None => Ok(()),
        }
    }
}
