//! The client of the local API.
