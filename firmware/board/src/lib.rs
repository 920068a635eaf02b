//! Readers, relays, lamps and contacts as traits, and the simulated board
