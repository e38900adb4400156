//! `matbackprop info`.

use crate::DEFAULT_NETWORK_BYTES;
use anyhow::Result;
use experiments::{cuts_in_words, network_in_words};

use crate::command_line::arguments::InfoArguments;
use crate::command_line::output;

/// Prints the description of a network.
pub fn run(arguments: &InfoArguments) -> Result<()> {
    output::print(&match &arguments.file {
        None => cuts_in_words(
            "the network inside this program",
            DEFAULT_NETWORK_BYTES.len() as u64,
            &crate::default_network()?,
        ),
        Some(path) => network_in_words(path)?,
    })
}
