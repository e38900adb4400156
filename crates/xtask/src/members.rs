//! The packages of the workspace and their features.

use std::path::Path;

use anyhow::{Context, Result};

use crate::bridges::BRIDGES;
use crate::mpi;

const CORE: &str = "matbackprop-core";

/// The packages of the workspace.
pub struct Members(Vec<Member>);

struct Member {
    name: String,
    features: Vec<String>,
    /// Whether a registry may have it.
    published: bool,
}

impl Members {
    pub fn read(root: &Path) -> Result<Self> {
        let read = |path: &Path| -> Result<toml::Table> {
            let text = std::fs::read_to_string(path);
            let text = text.with_context(|| format!("reading {}", path.display()))?;
            toml::from_str(&text).with_context(|| format!("reading {}", path.display()))
        };
        let workspace = read(&root.join("Cargo.toml"))?;
        let folders = workspace
            .get("workspace")
            .and_then(|workspace| workspace.get("members"))
            .and_then(toml::Value::as_array);
        let mut members = Vec::new();
        for folder in folders.into_iter().flatten() {
            let folder = folder.as_str().unwrap_or_default();
            let manifest = read(&root.join(folder).join("Cargo.toml"))?;
            let package = manifest.get("package");
            let name = package.and_then(|package| package.get("name")?.as_str());
            let published = package.and_then(|package| package.get("publish")?.as_bool());
            let features = manifest.get("features").and_then(toml::Value::as_table);
            let features = features.into_iter().flatten().map(|(name, _)| name.clone());
            members.push(Member {
                name: name.unwrap_or(folder).to_owned(),
                features: features.collect(),
                published: published.unwrap_or(true),
            });
        }
        Ok(Self(members))
    }

    /// The features of every step that builds the workspace, for cargo's `--features`: all features of matbackprop-core,
    /// and where there is an MPI every `mpi`. Two steps that differ in it would build most crates twice.
    pub fn shared_features(&self) -> String {
        let mut features = self.features_of(CORE);
        if mpi::lacking().is_none() {
            features.extend(self.named("mpi"));
        }
        features.join(",")
    }

    /// Every feature of one package, `package/feature` as cargo takes them in the whole workspace.
    fn features_of(&self, package: &str) -> Vec<String> {
        let own = self.0.iter().filter(|member| member.name == package);
        own.flat_map(|member| &member.features)
            .filter(|feature| *feature != "default")
            .map(|feature| format!("{package}/{feature}"))
            .collect()
    }

    /// The packages that have a feature of this name.
    pub fn with_feature(&self, feature: &str) -> Vec<&str> {
        let having = self
            .0
            .iter()
            .filter(|member| member.features.iter().any(|own| own == feature));
        having.map(|member| member.name.as_str()).collect()
    }

    /// The packages that a registry gets, without the bridges: their frameworks are built in a step of their own.
    pub fn published(&self) -> Vec<&str> {
        let published = self.0.iter().filter(|member| member.published);
        let published = published.filter(|member| !BRIDGES.contains(&member.name.as_str()));
        published.map(|member| member.name.as_str()).collect()
    }

    /// A feature in every package that has it, `package/feature`.
    fn named(&self, feature: &str) -> Vec<String> {
        let packages = self.with_feature(feature).into_iter();
        packages.map(|name| format!("{name}/{feature}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn features_are_named_with_their_package() {
        let members = Members::read(&workspace::root().expect("a workspace")).expect("manifests");
        let core = members.features_of(CORE);
        for name in ["matbackprop-core/ndarray", "matbackprop-core/nalgebra"] {
            assert!(core.iter().any(|feature| feature == name), "{core:?}");
        }
        let mpi = members.named("mpi");
        assert!(mpi.contains(&"matbackprop/mpi".to_owned()), "{mpi:?}");
    }

    #[test]
    fn what_is_beside_the_house_is_not_published() {
        let members = Members::read(&workspace::root().expect("a workspace")).expect("manifests");
        let published = members.published();
        for (name, expected) in [
            (CORE, true),
            ("matbackprop", true),
            ("xtask", false),
            ("web", false),
            (BRIDGES[0], false),
        ] {
            assert_eq!(published.contains(&name), expected, "{name}");
        }
    }
}
