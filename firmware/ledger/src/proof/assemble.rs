//! Which heads go into a merge once its judges have spoken.
//!
//! All heads are merged and each judge is asked once about the result. If all are content, that is the merge. Of a
//! judge that is not (a *suspect*), it must be found out whose documents it dislikes: the heads are merged anew in
//! their fixed order, and after each that brings something which the suspect sees, it is asked about the
//! merge so far. A head after which it does not pass brings its events only, and what it revokes. Then all are asked about
//! what is left. A suspect says what it said before, for nothing that it sees has changed, save by marks of
//! heads that it kept out; one that dislikes these passes no head of the merge. Each round finds such a judge, or a new
//! suspect, or is the last.
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
    let (mut suspects, mut barring) = (BTreeSet::new(), BTreeMap::new());
    loop {
        let mut trial = Trial::new(&bench, &suspects, &barring);
        let made = make(objects, &occasion.base, offers, occasion.at, &mut trial)?;
        let Trial { wanted, deferred, .. } = trial;
        if !wanted.is_empty() {
            return Ok(Assembly::Wanted(wanted));
        }
        let verdict = bench.sentence(&made.tree, &made.objects)?;
        if !verdict.wanted.is_empty() {
            return Ok(Assembly::Wanted(verdict.wanted));
        }
        if verdict.refused.is_empty() {
            return Ok(Assembly::Done(Assembled { made, verdicts: verdict.passed, deferred }));
        }
        for (dapp, outcome) in verdict.refused {
            if !suspects.insert(dapp.clone()) {
                barring.insert(dapp, outcome);
            }
        }
    }
}

/// What all judges say of a merge.
#[derive(Default)]
struct Sentence {
    wanted: Vec<JudgeTask>,
    passed: BTreeMap<Name, [u8; 32]>,
    refused: BTreeMap<Name, Outcome>,
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

    fn sentence(&self, tree: &ObjectId, new: &NewObjects) -> Result<Sentence, IntegrateError> {
        let mut sentence = Sentence::default();
        for Said { dapp, answer } in self.ask(self.judges.clone(), tree, new)? {
            match answer {
                Answer::Wanted(task) => sentence.wanted.push(task),
                Answer::Pass(verdict) => drop(sentence.passed.insert(dapp, verdict)),
                Answer::No(outcome) => drop(sentence.refused.insert(dapp, outcome)),
            }
        }
        Ok(sentence)
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
    /// Suspects that pass nothing in this merge, and why not.
    barring: &'a BTreeMap<Name, Outcome>,
    wanted: Vec<JudgeTask>,
    deferred: Vec<BlockId>,
    tried: usize,
}

impl<'a> Trial<'a> {
    fn new(bench: &'a Bench<'a>, suspects: &BTreeSet<Name>, barring: &'a BTreeMap<Name, Outcome>) -> Self {
        let suspects = bench.judges.iter().filter(|judge| suspects.contains(&judge.dapp)).collect();
        Self { bench, suspects, barring, wanted: Vec::new(), deferred: Vec::new(), tried: 0 }
    }
}

impl Court for Trial<'_> {
    fn rule(&mut self, offer: &Offer, tree: &ObjectId, new: &NewObjects) -> Result<Ruling, IntegrateError> {
        let sees = |judge: &&&Judge| offer.documents.iter().any(|change| judge.sees(&change.path));
        let judges: Vec<Judge> = self.suspects.iter().filter(sees).map(|judge| (*judge).clone()).collect();
        let barring = judges.iter().find_map(|judge| self.barring.get_key_value(&judge.dapp));
        if let Some((dapp, outcome)) = barring {
            return Ok(bar(dapp, outcome));
        }
        if judges.is_empty() {
            return Ok(Ruling::Accept);
        }
        self.tried += 1;
        if self.tried > MAX_TRIALS {
            self.deferred.push(offer.head.id);
            return Ok(Ruling::Defer);
        }
        for said in self.bench.ask(judges, tree, new)? {
            match said.answer {
                Answer::Wanted(task) => self.wanted.push(task),
                Answer::Pass(_) => {}
                Answer::No(outcome) => return Ok(bar(&said.dapp, &outcome)),
            }
        }
        Ok(if self.wanted.is_empty() { Ruling::Accept } else { Ruling::Stop })
    }
}

fn bar(dapp: &Name, outcome: &Outcome) -> Ruling {
    Ruling::Bar(Reason::Judge { dapp: dapp.clone(), outcome: outcome.clone() })
}

/// What a box without containers says of any judge.
pub(crate) const NOBODY: Outcome = Outcome::Broken(Broken::NotRun);
