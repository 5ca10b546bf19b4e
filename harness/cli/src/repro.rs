//! The file that replays a failure.

use std::path::{Path, PathBuf};

use deadzone_reports::Finding;
use deadzone_script::{Declaration, Item, Repro, Script};

use crate::files;
use crate::stop::Stop;

/// Which run a repro repeats, and what it shows.
pub(crate) struct Which<'a> {
    pub(crate) script: &'a Script,
    pub(crate) seed: u64,
    pub(crate) client: &'a str,
    pub(crate) defect: Option<&'a str>,
    /// What the repro is kept for.
    pub(crate) kept_for: &'a Finding,
    /// None where the run died and left no trace.
    pub(crate) digest: Option<&'a str>,
}

impl Which<'_> {
    /// The script that repeats the run.
    pub(crate) fn script(&self) -> Script {
        let &Which { script, seed, client, defect, kept_for, digest } = self;
        let (oracle, clause) = (kept_for.oracle.as_str(), kept_for.clause.as_str());
        let digest_text = digest.unwrap_or_default();
        let mut repro = script.as_repro(&Repro { seed, client, defect, oracle, clause, digest: digest_text });
        if digest.is_none() {
            repro.items.retain(|item| !matches!(item, Item::Declaration(Declaration::Digest(_))));
        }
        repro
    }

    /// Writes the repro.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Stop> {
        files::write(path, self.script().to_string().as_bytes())
    }
}

/// The script with the run that it repeats, of which nothing is known.
pub(crate) fn again(script: &Script, seed: u64, client: &str, defect: Option<&str>) -> Script {
    let repro = Repro { seed, client, defect, oracle: "", clause: "", digest: "" };
    let mut script = script.as_repro(&repro);
    script.items.retain(|item| {
        let says_what =
            |of: &Declaration| matches!(of, Declaration::Violates { .. } | Declaration::Digest(_));
        !matches!(item, Item::Declaration(declaration) if says_what(declaration))
    });
    script
}

/// `SCENARIO-SEED[-DEFECT]` in a folder, with an ending.
pub(crate) fn path(folder: &Path, scenario: &str, seed: u64, defect: Option<&str>, ending: &str) -> PathBuf {
    folder.join(format!("{}.{ending}", name(scenario, seed, defect)))
}

/// `SCENARIO-SEED[-DEFECT]`
pub(crate) fn name(scenario: &str, seed: u64, defect: Option<&str>) -> String {
    let defect = defect.map_or_else(String::new, |defect| format!("-{defect}"));
    format!("{scenario}-{seed}{defect}")
}
