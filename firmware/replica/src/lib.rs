//! One box's copy of the ledger: writes, merges, votes and syncs, as a state machine; pure.
