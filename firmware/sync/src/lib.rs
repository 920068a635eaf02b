//! The peer protocol as a state machine; pure.
