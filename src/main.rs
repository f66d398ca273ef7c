//! The `playhouse` binary.

fn main() {}
