//! What main would be if all that is known went in: computed here, stored nowhere.

use crate::{Depot, Now, Replica, ReplicaError};
use ledger::Tentative;
use model::BlockId;

/// The tentative state with what it was made of.
pub(crate) struct Guess {
    main: BlockId,
    heads: Vec<BlockId>,
    state: Tentative,
}

impl<D: Depot> Replica<D> {
    /// The tentative state: the heads that this box knows, merged onto main by rule alone. It is made when somebody asks and
    /// something changed. Its tree is read through [`ledger::Layered`], with its new objects before the store.
    pub fn tentative(&mut self, now: Now) -> Result<&Tentative, ReplicaError> {
        let heads: Vec<BlockId> = self.lines.offered().map(|head| head.block).collect();
        let main = self.main.block;
        let fresh = self.guess.take().filter(|guess| guess.main == main && guess.heads == heads);
        let guess = match fresh {
            Some(guess) => guess,
            None => {
                let state = ledger::tentative(self.depot.objects(), main, &heads, now.clock)?;
                Guess { main, heads, state }
            }
        };
        Ok(&self.guess.insert(guess).state)
    }
}
