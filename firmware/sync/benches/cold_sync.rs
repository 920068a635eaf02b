//! Cold sync.
fn main() {}
