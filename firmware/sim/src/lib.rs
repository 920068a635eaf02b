//! The same rooms, many nodes, one seed, virtual time.
