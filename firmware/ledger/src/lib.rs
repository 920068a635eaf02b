//! Blocks, policy, merge and verification over an object store port
