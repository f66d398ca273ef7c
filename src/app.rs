//! Wires the world.
