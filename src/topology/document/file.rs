//! Reading a topology file.

use super::{Environment, KeyPath, Node, Position, Secrets, environment, toml_reader, yaml_reader};
use crate::topology::fault::Fault;
use std::path::Path;

/// The languages a topology may be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Toml,
    Yaml,
}

/// A file's tree, with references to the environment substituted.
#[derive(Debug, Clone)]
pub struct Document {
    pub root: Node,
    pub secrets: Secrets,
}

impl Language {
    /// By the ending of the file's name.
    pub fn of(file: &Path) -> Option<Self> {
        match file.extension()?.to_str()? {
            "toml" => Some(Self::Toml),
            "yaml" | "yml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

impl Document {
    /// Reads a file's text. References that cannot be substituted stay as written and are handed back
    /// as faults beside the document, so that everything else can still be checked.
    ///
    /// # Errors
    /// The faults of syntax, when there is no tree to check.
    pub fn read(
        file: &Path,
        text: &str,
        language: Language,
        environment: Environment<'_>,
    ) -> Result<(Self, Vec<Fault>), Vec<Fault>> {
        let read = match language {
            Language::Toml => toml_reader::read(text),
            Language::Yaml => yaml_reader::read(text),
        };
        let mut root = read.map_err(|refused| {
            let faults = refused.into_iter();
            faults
                .map(|(place, problem)| Fault::new(file, place, KeyPath::default(), &problem))
                .collect::<Vec<_>>()
        })?;
        let mut secrets = Secrets::default();
        let mut refused = Vec::new();
        environment::substitute(
            &mut root,
            &KeyPath::default(),
            environment,
            &mut secrets,
            &mut |path, problem| refused.push((path.clone(), problem)),
        );
        let document = Self { root, secrets };
        let faults = refused.into_iter();
        let faults =
            faults.map(|(path, problem)| Fault::new(file, document.locate(&path), path, &problem)).collect();
        Ok((document, faults))
    }

    /// The place of the value at `path`, or of the nearest thing that holds it.
    pub fn locate(&self, path: &KeyPath) -> Position {
        self.root.locate(path)
    }
}
