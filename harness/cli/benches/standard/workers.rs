//! The command line with its workers, from its start to its end.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::now;

/// Seeds for each script: enough for the start of a process to weigh little.
pub(crate) const SEEDS: usize = 2;

fn start(jobs: usize, folder: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deadzone"));
    command.arg("run").arg(folder).args(["--seeds", &SEEDS.to_string(), "--jobs", &jobs.to_string()]);
    let out = std::env::temp_dir().join("deadzone-bench");
    command.arg("--out").arg(out).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("the binary of this very build starts")
}

fn wait(mut children: Vec<Child>) {
    for child in &mut children {
        assert!(child.wait().expect("a child can be waited for").success(), "every standard run passes");
    }
}

/// One command with so many workers.
pub(crate) fn workers(jobs: usize, folder: &Path) -> Duration {
    let began = now();
    wait(vec![start(jobs, folder)]);
    began.elapsed()
}

/// So many commands of one worker at the same time, each with all the work.
pub(crate) fn processes(count: usize, folder: &Path) -> Duration {
    let began = now();
    wait((0..count).map(|_| start(1, folder)).collect());
    began.elapsed()
}
