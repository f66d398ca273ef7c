//! Grows in its own branch.
