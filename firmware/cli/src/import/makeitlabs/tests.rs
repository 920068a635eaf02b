//! Lists as they come, and as they should not.
