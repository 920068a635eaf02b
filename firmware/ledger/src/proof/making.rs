//! Making a merge block, with its judges.

use super::{
    Outcome, Step, TaskId,
    assemble::{Assembled, Assembly, Known, NOBODY, assemble},
    input::Occasion,
};
use crate::{
    block::Block,
    clone::settle,
    integrate::{IntegrateError, Reason},
    merge_check::{Everybody, check_validator, make},
    object::{NewObjects, Objects},
    offer::{Offer, check_line, offer},
    proposal::{DraftError, Merged, Meta, Said, main_block, merge_draft, whole_seconds},
    standing::{Standing, standing},
    trailer_values::{VerdictLine, as_reason},
};
use model::{BlockId, Millis, ObjectId};
use std::collections::BTreeSet;

/// Heads that offer nothing, and why.
type Refused = Vec<(BlockId, Reason)>;

/// A merge block in the making: ask what [`Making::step`] wants, give it the answers, and step again.
pub struct Making {
    main: Block,
    offers: Vec<Offer>,
    /// Heads of which nothing can be made, judges or not.
    refused: Refused,
    meta: Meta,
    at: Millis,
    known: Known,
}

impl Making {
    /// Looks at the heads and checks their lines. `main` is the block that the merge goes onto; the order in which
    /// heads are listed does not matter, and those that main contains already are passed over.
    pub fn begin(
        objects: &dyn Objects,
        main: BlockId,
        heads: &[BlockId],
        meta: Meta,
    ) -> Result<Self, DraftError> {
        let main = main_block(objects, main)?;
        let (offers, refused) = offers(objects, &main, heads)?;
        let at = latest(&main, &offers, meta.at);
        Ok(Self { main, offers, refused, meta, at, known: Known::new() })
    }

    /// Goes on as far as the answers reach: what to ask, or the merge. Until it is done it may be called again and
    /// again; without a judge in force it is done at once.
    pub fn step(&mut self, objects: &dyn Objects) -> Result<Step<Merged>, DraftError> {
        let occasion = Occasion::of(&self.main, self.at);
        match assemble(objects, &occasion, &self.offers, &self.known)? {
            Assembly::Wanted(tasks) => Ok(Step::Judge(tasks)),
            Assembly::Done(assembled) => self.finish(objects, assembled).map(Step::Done),
        }
    }

    /// Takes what a judge said. An answer that nobody wants does no harm; of two the first counts.
    pub fn answer(&mut self, task: TaskId, outcome: Outcome) {
        self.known.entry(task).or_insert(outcome);
    }

    fn finish(&mut self, objects: &dyn Objects, assembled: Assembled) -> Result<Merged, DraftError> {
        let Assembled { mut made, verdicts, deferred } = assembled;
        let all = self.refused.iter().chain(&made.left_out);
        let mut texts: Vec<_> = all.map(|(head, why)| (*head, as_reason(&why.to_string()))).collect();
        texts.sort();
        let mut draft = None;
        if !made.heads.is_empty() {
            let line = |(dapp, verdict)| VerdictLine { dapp, verdict };
            let verdicts = verdicts.into_iter().map(line);
            let said = Said { left_out: texts, verdicts: verdicts.collect() };
            let made = merge_draft(objects, &self.main, &made, said, self.at, &self.meta)?;
            check_validator(objects, &made.preview(), &self.main)?;
            draft = Some(made);
        }
        let mut left_out = std::mem::take(&mut self.refused);
        left_out.append(&mut made.left_out);
        left_out.sort_by_key(|(head, _)| *head);
        Ok(Merged { draft, left_out, deferred })
    }
}

/// A merge block made where no judge can be run: heads that a judge would have to see bring their events only. A head
/// that is faulty, conflicts or breaks the policy is left out with the reason.
pub fn merge_block(
    objects: &dyn Objects,
    main: BlockId,
    heads: &[BlockId],
    meta: Meta,
) -> Result<Merged, DraftError> {
    let mut making = Making::begin(objects, main, heads, meta)?;
    loop {
        match making.step(objects)? {
            Step::Done(merged) => return Ok(merged),
            Step::Judge(tasks) => tasks.iter().for_each(|task| making.answer(task.id(), NOBODY)),
        }
    }
}

/// Heads merged onto main by rule alone, for a look at what may come: no block, and no judge was asked.
#[derive(Debug)]
pub struct Tentative {
    /// The state.
    pub tree: ObjectId,
    /// The heads in it, in the order in which they were taken.
    pub heads: Vec<BlockId>,
    /// Heads whose documents are not in it, and why.
    pub left_out: Vec<(BlockId, Reason)>,
    /// What is new in the tree.
    pub objects: NewObjects,
}

/// What main would be with these heads, were every judge content.
pub fn tentative(
    objects: &dyn Objects,
    main: BlockId,
    heads: &[BlockId],
    at: Millis,
) -> Result<Tentative, DraftError> {
    let main = main_block(objects, main)?;
    let (offers, mut left_out) = offers(objects, &main, heads)?;
    let at = latest(&main, &offers, at);
    let mut made = make(objects, &main.tree, &offers, at, &mut Everybody)?;
    left_out.append(&mut made.left_out);
    left_out.sort_by_key(|(head, _)| *head);
    let heads = made.heads.iter().map(|head| head.id).collect();
    Ok(Tentative { tree: made.tree, heads, left_out, objects: made.objects })
}

/// A merge is never dated before what it merges.
fn latest(main: &Block, offers: &[Offer], at: Millis) -> Millis {
    offers.iter().map(|offer| offer.head.at).fold(main.at, Millis::max).max(whole_seconds(at))
}

/// What the heads offer, and why some offer nothing.
fn offers(
    objects: &dyn Objects,
    main: &Block,
    heads: &[BlockId],
) -> Result<(Vec<Offer>, Refused), DraftError> {
    let (mut offers, mut refused) = (Vec::new(), Vec::new());
    for head in heads.iter().collect::<BTreeSet<_>>() {
        match examine(objects, main, *head)? {
            Ok(Some(offer)) => offers.push(offer),
            Ok(None) => {}
            Err(reason) => refused.push((*head, reason)),
        }
    }
    let (offers, mut passed) = settle(objects, offers)?;
    refused.append(&mut passed);
    Ok((offers, refused))
}

/// A head's offer to main; `None` if main has it already.
fn examine(
    objects: &dyn Objects,
    main: &Block,
    head: BlockId,
) -> Result<Result<Option<Offer>, Reason>, DraftError> {
    let checked = (|| -> Result<_, IntegrateError> {
        let head = Block::read(objects, head)?;
        if head.kind.is_of_branch() {
            return Ok(Err(Reason::NotAWriter));
        }
        let standing = standing(objects, main, &head)?;
        if let Err(reason) = check_line(objects, &head, &standing)? {
            return Ok(Err(reason));
        }
        if matches!(standing, Standing::Known) {
            return Ok(Ok(None));
        }
        Ok(offer(objects, main, head, Some(standing))?.map(Some))
    })();
    match checked {
        Ok(outcome) => Ok(outcome),
        Err(error) if error.is_store_failure() => Err(error.into()),
        Err(error) => Ok(Err(Reason::Unreadable(Box::new(error)))),
    }
}
