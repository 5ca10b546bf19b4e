//! Standard runs.

#![allow(missing_docs, reason = "the macros of criterion make public items")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use deadzone_client::ReferenceClient;
use deadzone_oracle::{Outcome, judge};
use deadzone_script::Script;
use deadzone_server::ReferenceServer;
use deadzone_world::{Lineup, run};

fn scripts() -> Vec<Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/standard");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("readable").path()).collect();
    files.sort();
    files
        .iter()
        .map(|path| deadzone_script::parse(&std::fs::read_to_string(path).expect("text")).expect("parses"))
        .collect()
}

fn one(script: &Script, seed: u64) {
    let lineup = Lineup {
        client: Arc::new(ReferenceClient::default()),
        server: Arc::new(ReferenceServer::default()),
        model: Default::default(),
        defect: None,
    };
    let trace = run(script, seed, &lineup);
    let judgement = judge(&trace);
    assert_eq!(judgement.outcome, Outcome::Pass);
    black_box(trace.digest());
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let scripts = scripts();
    let mut group = criterion.benchmark_group("standard");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    let mut n = 0;
    group.bench_function("runs", |bench| {
        bench.iter(|| {
            one(&scripts[n % scripts.len()], (n / scripts.len()) as u64);
            n += 1;
        });
    });
    group.finish();
    criterion.final_summary();
}
