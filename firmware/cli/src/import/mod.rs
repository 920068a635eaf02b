//! Lists of other systems, read and turned into documents of the ledger.
//!
//! Each kind of list is a module of its own and pure: bytes in, records and clear problems out; records and the
//! people of the ledger in, documents out. Nothing here opens a file or writes to the ledger.

pub mod makeitlabs;
