//! What a board's file may and may not say.
