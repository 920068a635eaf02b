//! ledgerd.
fn main() {}
