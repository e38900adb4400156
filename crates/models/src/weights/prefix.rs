//! The names of tensors under the prefix that a wrapper gave them all: `module.`, `backbone.`, `_orig_mod.`.

use std::collections::BTreeSet;

/// Parts that wrappers put before the names of a network: data parallelism, compilers, trainers, detectors.
const WRAPPERS: [&str; 22] = [
    "module",
    "backbone",
    "model",
    "features",
    "_orig_mod",
    "network",
    "net",
    "encoder",
    "trunk",
    "base",
    "base_model",
    "body",
    "state_dict",
    "student",
    "teacher",
    "ema",
    // Running averages, beside the network itself: a file with both is ambiguous.
    "ema_model",
    "model_ema",
    "state_dict_ema",
    "params_ema",
    "params",
    "averaged_model",
];

/// Whether `prefix` is made of the names of wrappers, each with its dot.
fn is_of_wrappers(prefix: &str) -> bool {
    let Some(parts) = prefix.strip_suffix('.') else {
        return prefix.is_empty();
    };
    parts.split('.').all(|part| WRAPPERS.contains(&part))
}

/// How the names of a file differ from those of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Renaming {
    /// They stand behind this prefix.
    Behind(String),
    /// They lack this prefix.
    Without(String),
}

impl Renaming {
    /// The name in the file.
    pub(super) fn apply(&self, name: &str) -> String {
        match self {
            Self::Behind(prefix) => format!("{prefix}{name}"),
            Self::Without(prefix) => name
                .strip_prefix(prefix.as_str())
                .unwrap_or(name)
                .to_owned(),
        }
    }
}

/// All ways in which the tensor `name` of a network is among the `names` of a file.
pub(super) fn renamings<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Vec<Renaming> {
    let names: BTreeSet<&str> = names.collect();
    let behind = names.iter().filter_map(|found| found.strip_suffix(name));
    let behind = behind.filter(|prefix| !prefix.is_empty() && is_of_wrappers(prefix));
    let mut found: Vec<_> = behind
        .map(|prefix| Renaming::Behind(prefix.to_owned()))
        .collect();
    for (dot, _) in name.match_indices('.') {
        let (prefix, rest) = name.split_at(dot + 1);
        if is_of_wrappers(prefix) && names.contains(rest) {
            found.push(Renaming::Without(prefix.to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, names: &[&str]) -> Vec<Renaming> {
        renamings(name, names.iter().copied())
    }

    #[test]
    fn prefixes_of_wrappers_are_found_alone_and_nested() {
        for prefix in [
            "module.",
            "backbone.",
            "model.",
            "features.",
            "_orig_mod.",
            "_orig_mod.module.",
            "module.encoder.",
            "state_dict.model.backbone.",
        ] {
            let name = format!("{prefix}_conv_stem.weight");
            let renaming = found("_conv_stem.weight", &[&name, "other"]);
            assert_eq!(renaming, [Renaming::Behind(prefix.to_owned())]);
            assert_eq!(renaming[0].apply("a.bias"), format!("{prefix}a.bias"));
        }
        let renaming = found("features.0.weight", &["0.weight"]);
        assert_eq!(renaming, [Renaming::Without("features.".to_owned())]);
        assert_eq!(renaming[0].apply("features.2.bias"), "2.bias");
    }

    #[test]
    fn other_parts_of_a_network_are_no_wrappers() {
        assert_eq!(
            found("conv1.weight", &["layer1.0.conv1.weight", "xconv1.weight"]),
            []
        );
        let two = found("a.weight", &["student.a.weight", "teacher.a.weight"]);
        assert_eq!(two.len(), 2);
    }
}
