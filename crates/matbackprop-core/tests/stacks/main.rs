//! Stacks: the rules on them, and the door to them.

mod door;
mod matrices;
mod rules;
