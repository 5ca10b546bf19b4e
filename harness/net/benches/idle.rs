//! What idle time costs: 30 simulated days of five hosts that tick every 30 s.

#![allow(missing_docs, reason = "the macros of criterion make public items")]

use std::time::{Duration, Instant};

use criterion::Criterion;
use deadzone_net::{Draws, simulate};
use tokio::time::{interval, sleep};

const DAY: Duration = Duration::from_secs(86_400);
const HOSTS: usize = 5;
const TICK: Duration = Duration::from_secs(30);

/// The most real time that 30 days may take.
const BOUND: Duration = Duration::from_secs(2);

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn idle(days: u32) -> Duration {
    let start = Instant::now();
    let result = simulate(Draws::new(1), DAY * (days + 1), async |net| {
        for number in 0..HOSTS {
            let host = net.host(net.add_host(&format!("host {number}")));
            host.spawn(async {
                let mut ticks = interval(TICK);
                loop {
                    ticks.tick().await;
                }
            });
        }
        sleep(DAY * days).await;
    });
    result.expect("the horizon is a day away");
    start.elapsed()
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("idle");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    group.bench_function("one day", |bench| bench.iter_custom(|days| idle(days as u32)));
    group.finish();
    criterion.final_summary();
    let month = idle(30);
    println!(
        "30 idle days of {HOSTS} hosts: {month:.0?}; time / bound of {BOUND:?} = {:.3}",
        month.as_secs_f64() / BOUND.as_secs_f64()
    );
}
