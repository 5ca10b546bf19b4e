//! How many standard runs one core does in a second, and where what it costs is spent.
//!
//! A standard run is one of `scenarios/standard` with everything on: the trace is written and its
//! digest taken, and every oracle judges. `cargo bench -p deadzone --bench standard` ends with the
//! ratios that matter, each between things measured in turn in the same process:
//!
//! - what the simulated network, with the trace, adds to a request that an echo answers;
//! - two workers against one, beside two processes that know nothing of each other;
//! - the requests of the standard runs, as many and as long, through `turmoil`.

#![allow(missing_docs, reason = "the macros of criterion make public items")]

mod echo;
mod turmoil_echo;
mod workers;

use std::future::Future;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use deadzone_oracle::{Outcome, judge};
use deadzone_script::Script;
use deadzone_trace::{Event, Trace};
use deadzone_world::{Lineup, run};

/// As in the binary.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How often each side of a ratio is measured, in turn. The quickest rounds are compared: what else
/// the machine does only ever adds.
const ROUNDS: usize = 7;
/// How often an in-process round does its requests, so that it lasts about as long as the others and
/// is as likely to be interrupted.
const REPEATED: u32 = 10;

/// The sizes of one request: of its body and of its answer's, in bytes.
#[derive(Clone, Copy)]
struct Sizes {
    asked: usize,
    answered: usize,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/standard")
}

fn scripts() -> Vec<Script> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("a folder of scripts")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    let read = |path: &PathBuf| std::fs::read_to_string(path).expect("a readable file");
    files.iter().map(|path| deadzone_script::parse(&read(path)).expect("the tests parse it")).collect()
}

/// Everything on.
fn standard_run(script: &Script, seed: u64, lineup: &Lineup) -> Trace {
    let trace = run(script, seed, lineup);
    assert_eq!(judge(&trace).outcome, Outcome::Pass, "{} {seed}", script.name());
    black_box(trace.digest());
    trace
}

/// The requests of a run that were answered.
fn requests(trace: &Trace) -> Vec<Sizes> {
    let mut asked = std::collections::BTreeMap::new();
    let mut found = Vec::new();
    for entry in &trace.entries {
        match &entry.event {
            Event::Sent { exchange, body, .. } => drop(asked.insert(exchange, body.len())),
            Event::Answered { exchange, copy: 1, body, .. } => {
                let asked = asked.get(exchange).copied().unwrap_or_default();
                found.push(Sizes { asked, answered: body.len() });
            }
            _ => {}
        }
    }
    found
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

async fn stopwatch(work: impl Future<Output = ()>) -> Duration {
    let began = now();
    work.await;
    began.elapsed()
}

/// The quickest of several rounds, in seconds.
fn quickest_s(rounds: &[Duration]) -> f64 {
    rounds.iter().min().expect("there are rounds").as_secs_f64()
}

fn runs_a_second(criterion: &mut Criterion, scripts: &[Script], lineup: &Lineup) {
    let mut group = criterion.benchmark_group("standard runs");
    group.throughput(Throughput::Elements(scripts.len() as u64)).sample_size(10);
    group.measurement_time(Duration::from_secs(10));
    let mut seed = 0;
    group.bench_function("one core", |bench| {
        bench.iter(|| {
            scripts.iter().for_each(|script| drop(standard_run(script, seed, lineup)));
            seed += 1;
        });
    });
    group.finish();
}

fn tell_network(sizes: &[Sizes]) {
    let (mut direct, mut simulated, mut turmoil) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        direct.push((0..REPEATED).map(|_| echo::in_process(sizes)).sum::<Duration>() / REPEATED);
        simulated.push(echo::in_a_world(sizes));
        turmoil.push(turmoil_echo::through(sizes));
    }
    let us = |rounds: &[Duration]| quickest_s(rounds) * 1e6 / sizes.len() as f64;
    let (direct, simulated, turmoil) = (us(&direct), us(&simulated), us(&turmoil));
    println!(
        "a request of the standard runs ({} of them): in process {direct:.1} us, simulated with its trace \
         {simulated:.1} us, turmoil without {turmoil:.1} us",
        sizes.len()
    );
    println!("  added cost / in-process cost = {:.2} (at most 4)", (simulated - direct) / direct);
    println!("  turmoil / simulated = {:.1}", turmoil / simulated);
}

fn tell_workers(scripts: usize) {
    let (mut one, mut two, mut apart) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        one.push(workers::workers(1, &folder()));
        two.push(workers::workers(2, &folder()));
        apart.push(workers::processes(2, &folder()));
    }
    let runs = (scripts * workers::SEEDS) as f64;
    let (one, two, apart) =
        (runs / quickest_s(&one), runs / quickest_s(&two), 2.0 * runs / quickest_s(&apart));
    println!("with processes and their start: one worker {one:.0} runs/s, two workers {two:.0} runs/s");
    println!("  two workers / one = {:.2}; two independent processes / one = {:.2}", two / one, apart / one);
}

fn main() {
    let (scripts, lineup) = (scripts(), echo::reference());
    let mut criterion = Criterion::default().configure_from_args();
    runs_a_second(&mut criterion, &scripts, &lineup);
    criterion.final_summary();
    let sizes: Vec<Sizes> =
        scripts.iter().flat_map(|script| requests(&standard_run(script, 0, &lineup))).collect();
    tell_network(&sizes);
    tell_workers(scripts.len());
}
