//! `shrink`: a smaller script that shows the same violation.

use std::path::{Path, PathBuf};

use deadzone_reports::Finding;
use deadzone_script::Script;
use deadzone_search::Shrunk;

use super::finding_of;
use super::replay::seed_of;
use crate::args::Shrink;
use crate::lineups::Lineups;
use crate::plan::{Who, bare};
use crate::repro::Which;
use crate::scenarios::Scenario;
use crate::stop::Stop;
use crate::worker::{Done, Ending, Job, Pool};
use crate::{STATUS_PASS, files, interrupt, output};

/// The most candidates that are run.
const RUNS_MAX: usize = 2_000;

/// Shrinks a repro; the exit status.
pub(super) fn shrink(args: &Shrink, lineups: &Lineups) -> Result<u8, Stop> {
    let scenario = Scenario::open(&args.file)?;
    let seed = seed_of(&scenario, &args.file)?;
    let Who { client, defect, .. } = Who::of(&scenario, None, None, lineups)?;
    let target = target(&args.file);
    files::check_file(&target)?;

    let mut bench = Bench { pool: Pool::new(1, args.deadline.time, interrupt::flag()), seed, client, defect };
    let whole = bare(&scenario.script);
    let (findings, _) = bench.run(&whole)?;
    let wanted = wanted(&scenario, findings)?;
    let shrunk = deadzone_search::shrink(&whole, RUNS_MAX, |candidate| {
        let (findings, _) = bench.run(candidate)?;
        Ok::<_, Stop>(findings.iter().any(|finding| finding.key == wanted.key))
    })?;
    let (findings, digest) = bench.run(&shrunk.script)?;
    if !findings.iter().any(|finding| finding.key == wanted.key) {
        return Err(Stop::harness(
            "the smaller script does not show the violation any more; nothing was written",
        ));
    }
    let which = Which {
        script: &shrunk.script,
        seed,
        client: &bench.client,
        defect: bench.defect.as_deref(),
        oracle: &wanted.oracle,
        clause: &wanted.clause,
        digest: digest.as_deref(),
    };
    which.write(&target)?;
    output::result(&text_of(&shrunk, &wanted, &target))?;
    Ok(STATUS_PASS)
}

/// `NAME.scn` becomes `NAME.min.scn`, and stays it.
fn target(file: &Path) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let stem = stem.strip_suffix(".min").unwrap_or(&stem);
    file.with_file_name(format!("{stem}.min.scn"))
}

/// The violation that has to stay: the one that the repro was kept for, else the first.
fn wanted(scenario: &Scenario, findings: Vec<Finding>) -> Result<Finding, Stop> {
    let place = &scenario.place;
    let Some((oracle, clause)) = scenario.script.violates() else {
        return findings
            .into_iter()
            .next()
            .ok_or_else(|| Stop::harness(format!("{place} does not fail, so there is nothing to shrink")));
    };
    let same = |finding: &Finding| finding.oracle == oracle && finding.clause == clause;
    findings.into_iter().find(same).ok_or_else(|| {
        Stop::harness(format!(
            "{place} does not fail with {oracle} {clause} any more; `{} replay {place}` shows what it does",
            output::program()
        ))
    })
}

fn text_of(shrunk: &Shrunk, wanted: &Finding, target: &Path) -> String {
    let more = if shrunk.exhausted { "; the runs were used up, shrink the result to go on" } else { "" };
    format!(
        "{} lines became {} in {} runs{more}; still {} {}: {}\n{}\n\n{}",
        shrunk.lines_before,
        shrunk.lines_after,
        shrunk.runs,
        wanted.oracle,
        wanted.clause,
        wanted.summary,
        target.display(),
        shrunk.script
    )
}

/// Runs one candidate after the other.
struct Bench {
    pool: Pool,
    seed: u64,
    client: String,
    defect: Option<String>,
}

impl Bench {
    /// What a script is found guilty of, and the digest of its trace.
    fn run(&mut self, script: &Script) -> Result<(Vec<Finding>, Option<String>), Stop> {
        let job = Job {
            id: 0,
            text: script.to_string(),
            seed: self.seed,
            client: self.client.clone(),
            defect: self.defect.clone(),
            trace: None,
            sweep: None,
        };
        match self.pool.run_one(&job)? {
            Ending::Done(Done::Ran(ran)) => Ok((ran.findings, Some(ran.digest))),
            // A candidate that the harness cannot cope with is not a smaller repro.
            Ending::Done(Done::Broke(_)) => Ok((Vec::new(), None)),
            Ending::Death(death) => Ok((vec![finding_of(&death)], None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shrunk_repro_stands_beside_its_origin() {
        assert_eq!(target(Path::new("a/b-3.scn")), Path::new("a/b-3.min.scn"));
        assert_eq!(target(Path::new("b-3.min.scn")), Path::new("b-3.min.scn"));
    }
}
