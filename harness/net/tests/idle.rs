//! Idle time costs nothing, and a run cannot outlast its horizon.

mod support;

use std::future::pending;

use deadzone_net::{Draws, HorizonReached, simulate};
use support::{ask, echo, ms, run, secs, timed, two_hosts};
use tokio::time::{Instant, sleep};

#[test]
fn thirty_idle_days_pass_at_once() {
    #[expect(clippy::disallowed_methods, reason = "the test is about real time")]
    let start = std::time::Instant::now();
    run(async |net| {
        let (client, server) = two_hosts(&net);
        echo(&server);
        let mut stream = client.connect(server.id(), support::PORT).await.unwrap();
        let begin = Instant::now();
        for day in 0..30 {
            assert_eq!(begin.elapsed(), secs(day * 86_400) + ms(40) * day as u32);
            sleep(secs(86_400)).await;
            assert_eq!(timed(ask(&mut stream, "hello")).await.1, ms(40));
        }
        assert_eq!(net.stats().delivered, 3 + 60);
    });
    assert!(start.elapsed() < secs(5), "30 days took {:?}", start.elapsed());
}

#[test]
fn a_run_with_nothing_left_to_do_ends_at_its_horizon() {
    let result = simulate(Draws::new(1), secs(3_600), |_| pending::<()>());
    assert_eq!(result, Err(HorizonReached { horizon: secs(3_600) }));
    assert_eq!(result.unwrap_err().to_string(), "not finished within 3600s of simulated time");
}

#[test]
fn a_thread_can_run_one_simulation_after_another() {
    for seed in 0..3 {
        assert_eq!(simulate(Draws::new(seed), secs(1), async |net| net.stats().delivered), Ok(0));
    }
}
