//! The pages that the agent serves
