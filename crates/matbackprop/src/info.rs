//! `matbackprop info`.

use anyhow::Result;
use experiments::{cuts_in_words, network_in_words};
use matbackprop::DEFAULT_NETWORK_BYTES;

use crate::arguments::InfoArguments;
use crate::output;

/// Prints the description of a network.
pub fn run(arguments: &InfoArguments) -> Result<()> {
    output::print(&match &arguments.file {
        None => cuts_in_words(
            "the network inside this program",
            DEFAULT_NETWORK_BYTES.len() as u64,
            &matbackprop::default_network()?,
        ),
        Some(path) => network_in_words(path)?,
    })
}
