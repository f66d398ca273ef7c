//! Grows next.
