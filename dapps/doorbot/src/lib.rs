//! Opens a door for those whom the ledger lets in
