//! ledgerctl: the ledger at the command line
