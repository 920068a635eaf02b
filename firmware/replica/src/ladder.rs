//! A quick way down one writer's line, however long it is.
//!
//! A box that is fetching a ledger tells its peers of a block after block of it. Each peer asks itself whether the
//! block is below the end that it knows; walking there each time would be the whole line for each piece of it.

use model::BlockId;
use std::{cell::RefCell, collections::BTreeMap};

/// Of so many blocks one is remembered.
const STEP: u64 = 64;

/// Blocks of one line by their sequence. A line only grows at its end, so they stay true.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Ladder {
    rungs: RefCell<BTreeMap<u64, BlockId>>,
}

impl Ladder {
    /// Whether a block is `end`, which is on this line, or before it. `read` gives a block's sequence, and its writer's block
    /// before it.
    pub(crate) fn leads_to<E>(
        &self,
        end: BlockId,
        block: BlockId,
        sequence: u64,
        mut read: impl FnMut(BlockId) -> Result<(u64, Option<BlockId>), E>,
    ) -> Result<bool, E> {
        let mut next = Some(end);
        while let Some(id) = next.filter(|id| *id != block) {
            let (here, own) = read(id)?;
            if here <= sequence {
                return Ok(false);
            }
            let mut rungs = self.rungs.borrow_mut();
            let below = rungs.range(sequence..here).next().map(|(_, rung)| *rung);
            if here % STEP == 0 {
                rungs.insert(here, id);
            }
            next = below.or(own);
        }
        Ok(next.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// The block of a line at a sequence; the lines part after block 500.
    fn block(line: u8, sequence: u64) -> BlockId {
        let line = if sequence <= 500 { 0 } else { line };
        let mut bytes = [line; 32];
        bytes[..8].copy_from_slice(&sequence.to_le_bytes());
        BlockId::new(bytes)
    }

    /// Asks whether the first line's end leads to a block; the answer, and how many blocks were read for it.
    fn ask(ladder: &Ladder, end: u64, wanted: BlockId, sequence: u64) -> (bool, usize) {
        let mut reads = 0;
        let read = |id: BlockId| {
            reads += 1;
            let at = u64::from_le_bytes(id.as_bytes()[..8].try_into().unwrap());
            assert_eq!(id, block(1, at), "only this line's blocks are walked");
            Ok::<_, Infallible>((at, at.checked_sub(1).map(|below| block(1, below))))
        };
        let Ok(found) = ladder.leads_to(block(1, end), wanted, sequence, read);
        (found, reads)
    }

    #[test]
    fn it_says_what_a_walk_says_in_whatever_order_it_is_asked() {
        for stride in [1, 7, 64, 333, 997] {
            let ladder = Ladder::default();
            for place in (0..2000).map(|i| i * stride % 1000) {
                assert!(ask(&ladder, 999 + place % 2, block(1, place), place).0, "{place}");
                assert_eq!(ask(&ladder, 1000, block(2, place), place).0, place <= 500, "{place}");
            }
        }
    }

    #[test]
    fn a_line_is_walked_once_and_then_in_short_ways() {
        let ladder = Ladder::default();
        assert_eq!(ask(&ladder, 100_000, block(1, 1), 1), (true, 99_999));
        let longest = (2..100_000).step_by(17).map(|place| ask(&ladder, 100_000, block(1, place), place));
        assert!(longest.map(|(found, reads)| if found { reads } else { usize::MAX }).max() <= Some(65));
    }
}
