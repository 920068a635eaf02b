//! Which heads go into a merge once its judges have spoken.
//!
//! All heads are merged and each judge is asked once about the result. If all are content, that is the merge. Of a
//! judge that is not (a *suspect*), it must be found out whose documents it dislikes: the heads are merged anew in
//! their fixed order, and after each that brings something which the suspect sees, it is asked about the
//! merge so far. A head after which it does not pass brings its events only. Then the judges that are no suspects are
//! asked about what is left. A suspect need not be: nothing that it sees has changed since it passed. Each round
//! finds a new suspect or is the last, so there are at most as many rounds as judges.
//!
//! Answers are looked up in [`Known`]; where one is missing the work stops and says what to ask. It is done again from the
//! beginning when the answer is there, which gives the same until then: nothing but the ledger and the answers decides.

use super::{
    Broken, JudgeTask, Outcome, TaskId, Verdict,
    force::{Judge, asked, in_force},
    input::{self, Occasion},
};
use crate::{
    diff::diff,
    integrate::{IntegrateError, Reason},
    merge::MergeError,
    merge_check::{Court, Made, Ruling, make},
    object::{Layered, NewObjects, Objects},
    offer::Offer,
};
use model::{BlockId, Name, ObjectId};
use std::collections::{BTreeMap, BTreeSet};

/// How many heads are tried one by one in a merge; the others wait for the next one.
pub(crate) const MAX_TRIALS: usize = 32;

/// Answers so far.
pub(crate) type Known = BTreeMap<TaskId, Outcome>;

/// A merge that its judges let pass.
pub(crate) struct Assembled {
    pub(crate) made: Made,
    /// One for each judge that had to be asked, by dapp.
    pub(crate) verdicts: BTreeMap<Name, [u8; 32]>,
    /// Heads that were not looked at because many others were.
    pub(crate) deferred: Vec<BlockId>,
}

/// What came of the work.
pub(crate) enum Assembly {
    /// These must be asked first.
    Wanted(Vec<JudgeTask>),
    Done(Assembled),
}

/// Merges what heads offer onto `occasion.base`, as far as the judges let it.
pub(crate) fn assemble(
    objects: &dyn Objects,
    occasion: &Occasion,
    offers: &[Offer],
    known: &Known,
) -> Result<Assembly, IntegrateError> {
    let brings = offers.iter().any(|offer| !offer.documents.is_empty());
    let judges = if brings { in_force(objects, &occasion.base)? } else { Vec::new() };
    let bench = Bench { objects, occasion, judges, known };
    let mut suspects = BTreeSet::new();
    loop {
        let mut trial = Trial::new(&bench, &suspects);
        let made = make(objects, &occasion.base, offers, occasion.at, &mut trial)?;
        let Trial { mut verdicts, wanted, deferred, .. } = trial;
        if !wanted.is_empty() {
            return Ok(Assembly::Wanted(wanted));
        }
        let others = bench.judges.iter().filter(|judge| !suspects.contains(&judge.dapp)).cloned().collect();
        let (mut wanted, mut new_suspects) = (Vec::new(), BTreeSet::new());
        for said in bench.ask(others, &made.tree, &made.objects)? {
            match said.answer {
                Answer::Wanted(task) => wanted.push(task),
                Answer::Pass(verdict) => drop(verdicts.insert(said.dapp, verdict)),
                Answer::No(_) => drop(new_suspects.insert(said.dapp)),
            }
        }
        if !wanted.is_empty() {
            return Ok(Assembly::Wanted(wanted));
        }
        if new_suspects.is_empty() {
            return Ok(Assembly::Done(Assembled { made, verdicts, deferred }));
        }
        suspects.append(&mut new_suspects);
    }
}

/// The judges in force, and what they have said.
struct Bench<'a> {
    objects: &'a dyn Objects,
    occasion: &'a Occasion,
    judges: Vec<Judge>,
    known: &'a Known,
}

/// What one judge says of a tree.
struct Said {
    dapp: Name,
    answer: Answer,
}

enum Answer {
    Wanted(JudgeTask),
    Pass([u8; 32]),
    No(Outcome),
}

impl Bench<'_> {
    /// What those of `judges` say that must be asked about a tree.
    fn ask(
        &self,
        judges: Vec<Judge>,
        tree: &ObjectId,
        new: &NewObjects,
    ) -> Result<Vec<Said>, IntegrateError> {
        if judges.is_empty() {
            return Ok(Vec::new());
        }
        let objects = Layered { new, base: self.objects };
        let changes = diff(&objects, Some(&self.occasion.base), Some(tree)).map_err(MergeError::from)?;
        let mut said = Vec::new();
        for judge in asked(&objects, judges, &changes)? {
            let answer = match input::task(&objects, self.occasion, &judge, tree, &changes)? {
                Ok(task) => self.look_up(task),
                Err(broken) => Answer::No(Outcome::Broken(broken)),
            };
            said.push(Said { dapp: judge.dapp, answer });
        }
        Ok(said)
    }

    fn look_up(&self, task: JudgeTask) -> Answer {
        let id = task.id();
        match self.known.get(&id) {
            None => Answer::Wanted(task),
            Some(Outcome::Pass) => Answer::Pass(Verdict { task: id, outcome: Outcome::Pass }.id()),
            Some(outcome) => Answer::No(outcome.clone()),
        }
    }
}

/// Asks the suspects after each head that they see.
struct Trial<'a> {
    bench: &'a Bench<'a>,
    suspects: Vec<&'a Judge>,
    /// The suspects' last word on what is merged so far.
    verdicts: BTreeMap<Name, [u8; 32]>,
    wanted: Vec<JudgeTask>,
    deferred: Vec<BlockId>,
    tried: usize,
}

impl<'a> Trial<'a> {
    fn new(bench: &'a Bench<'a>, suspects: &BTreeSet<Name>) -> Self {
        let suspects = bench.judges.iter().filter(|judge| suspects.contains(&judge.dapp)).collect();
        let (verdicts, wanted, deferred) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { bench, suspects, verdicts, wanted, deferred, tried: 0 }
    }
}

impl Court for Trial<'_> {
    fn rule(&mut self, offer: &Offer, tree: &ObjectId, new: &NewObjects) -> Result<Ruling, IntegrateError> {
        let sees = |judge: &Judge| offer.documents.iter().any(|change| judge.sees(&change.path));
        let judges: Vec<Judge> =
            self.suspects.iter().filter(|judge| sees(judge)).map(|judge| (*judge).clone()).collect();
        if judges.is_empty() {
            return Ok(Ruling::Accept);
        }
        self.tried += 1;
        if self.tried > MAX_TRIALS {
            self.deferred.push(offer.head.id);
            return Ok(Ruling::Defer);
        }
        let names: Vec<Name> = judges.iter().map(|judge| judge.dapp.clone()).collect();
        let mut passed = BTreeMap::new();
        for said in self.bench.ask(judges, tree, new)? {
            match said.answer {
                Answer::Wanted(task) => self.wanted.push(task),
                Answer::Pass(verdict) => drop(passed.insert(said.dapp, verdict)),
                Answer::No(outcome) => return Ok(Ruling::Bar(Reason::Judge { dapp: said.dapp, outcome })),
            }
        }
        if !self.wanted.is_empty() {
            return Ok(Ruling::Stop);
        }
        // A suspect that need not be asked any more, since the head took back what there was to judge, has no verdict.
        self.verdicts.retain(|dapp, _| !names.contains(dapp));
        self.verdicts.append(&mut passed);
        Ok(Ruling::Accept)
    }
}

/// What a box without containers says of any judge.
pub(crate) const NOBODY: Outcome = Outcome::Broken(Broken::NotRun);
