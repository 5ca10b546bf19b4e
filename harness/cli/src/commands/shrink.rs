//! `shrink`: a smaller script that shows the same violation.

use std::path::{Path, PathBuf};

use deadzone_reports::Finding;
use deadzone_search::Shrunk;

use super::replay::seed_of;
use crate::args::Shrink;
use crate::bench::Bench;
use crate::lineups::Lineups;
use crate::plan::{Who, bare};
use crate::scenarios::Scenario;
use crate::stop::Stop;
use crate::{STATUS_PASS, files, interrupt, output};

/// Shrinks a repro; the exit status.
pub(super) fn shrink(args: &Shrink, lineups: &Lineups) -> Result<u8, Stop> {
    let scenario = Scenario::open(&args.file)?;
    let seed = seed_of(&scenario, &args.file)?;
    let Who { client, defect, .. } = Who::of(&scenario, None, None, lineups)?;
    let target = target(&args.file);
    files::check_file(&target)?;

    let mut bench = Bench::new(args.deadline.time, interrupt::flag(), seed, client, defect);
    let whole = bare(&scenario.script);
    let (findings, _) = bench.run(&whole)?;
    let wanted = wanted(&scenario, findings)?;
    let shrunk = bench.shrink(&whole, &wanted, &target)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shrunk_repro_stands_beside_its_origin() {
        assert_eq!(target(Path::new("a/b-3.scn")), Path::new("a/b-3.min.scn"));
        assert_eq!(target(Path::new("b-3.min.scn")), Path::new("b-3.min.scn"));
    }
}
