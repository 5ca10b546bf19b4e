//! Where scripts are made smaller: one run after the other, in a worker.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use deadzone_reports::Finding;
use deadzone_script::Script;
use deadzone_search::Shrunk;

use crate::commands::finding_of;
use crate::repro::Which;
use crate::stop::Stop;
use crate::worker::{Done, Ending, Job, Pool};

/// The most candidates that are run.
pub(crate) const RUNS_MAX: usize = 2_000;

/// Runs one candidate after the other.
pub(crate) struct Bench {
    pool: Pool,
    seed: u64,
    client: String,
    defect: Option<String>,
}

impl Bench {
    pub(crate) fn new(
        deadline: Duration,
        interrupted: Arc<AtomicBool>,
        seed: u64,
        client: String,
        defect: Option<String>,
    ) -> Bench {
        Bench { pool: Pool::new(1, deadline, interrupted), seed, client, defect }
    }

    /// The seed with which it runs scripts.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Makes a script smaller that shows a violation, and writes the repro.
    pub(crate) fn shrink(&mut self, whole: &Script, wanted: &Finding, target: &Path) -> Result<Shrunk, Stop> {
        let shrunk = deadzone_search::shrink(whole, RUNS_MAX, |candidate| self.shows(candidate, wanted))?;
        let (findings, digest) = self.run(&shrunk.script)?;
        if !findings.iter().any(|finding| finding.key == wanted.key) {
            return Err(Stop::harness(
                "the smaller script does not show the violation any more; nothing was written",
            ));
        }
        let which = Which {
            script: &shrunk.script,
            seed: self.seed,
            client: &self.client,
            defect: self.defect.as_deref(),
            kept_for: wanted,
            digest: digest.as_deref(),
        };
        which.write(target)?;
        Ok(shrunk)
    }

    /// Whether a script shows a violation, and owes it to the planted defect, if there is one.
    fn shows(&mut self, script: &Script, wanted: &Finding) -> Result<bool, Stop> {
        let (findings, _) = self.run(script)?;
        Ok(findings.iter().any(|finding| finding.key == wanted.key) && self.is_clean_without(script)?)
    }

    /// Whether a script shows nothing without the planted defect; what fails without it too says
    /// nothing of it. Where none is planted, there is nothing to ask.
    pub(crate) fn is_clean_without(&mut self, script: &Script) -> Result<bool, Stop> {
        let Some(defect) = self.defect.take() else { return Ok(true) };
        let clean = self.run(script);
        self.defect = Some(defect);
        Ok(clean?.0.is_empty())
    }

    /// What a script is found guilty of, and the digest of its trace.
    pub(crate) fn run(&mut self, script: &Script) -> Result<(Vec<Finding>, Option<String>), Stop> {
        let (client, defect) = (self.client.clone(), self.defect.clone());
        let job = Job { text: script.to_string(), seed: self.seed, client, defect, ..Job::default() };
        match self.pool.run_one(&job)? {
            Ending::Done(Done::Ran(ran)) => Ok((ran.findings, Some(ran.digest))),
            // A candidate that the harness cannot cope with is not a smaller repro.
            Ending::Done(Done::Broke(_)) => Ok((Vec::new(), None)),
            Ending::Death(death) => Ok((vec![finding_of(&death)], None)),
        }
    }
}
