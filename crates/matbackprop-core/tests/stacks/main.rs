//! Stacks: the rules on them, and the door to them.

mod compare;
mod door;
mod matrices;
mod one_by_one;
mod rules;
mod second_order;
mod single_precision;
mod single_rules;
