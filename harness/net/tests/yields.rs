//! Seeded yields move the order of tasks within an instant.

mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use deadzone_net::{Draws, yields};
use support::{ms, run, run_seed, two_hosts};
use tokio::time::{Instant, sleep};

/// The order in which three tasks pass a yield point, all within one instant.
fn order(seed: u64) -> Vec<u64> {
    run_seed(seed, async |net| {
        let (host, _) = two_hosts(&net);
        let order = Arc::new(Mutex::new(Vec::new()));
        for task in 0..3 {
            let (order, own) = (order.clone(), host.clone());
            host.spawn(async move {
                own.yield_point(Draws::new(seed).key("yield").num(task)).await;
                order.lock().expect("no task panics").push(task);
            });
        }
        let start = Instant::now();
        yields(5).await;
        assert_eq!(start.elapsed(), ms(0));
        std::mem::take(&mut *order.lock().expect("no task panics"))
    })
}

#[test]
fn seeds_reach_every_order_of_three_tasks() {
    let orders: BTreeSet<_> = (0..50).map(order).collect();
    assert_eq!(orders.len(), 6, "{orders:?}");
    assert!(orders.iter().all(|order| order.len() == 3));
    assert_eq!(order(7), order(7));
}

#[test]
fn a_task_that_yields_lets_each_ready_task_run_once() {
    run(async |net| {
        let (host, _) = two_hosts(&net);
        let steps = Arc::new(Mutex::new(String::new()));
        for name in ['a', 'b'] {
            let steps = steps.clone();
            host.spawn(async move {
                for _ in 0..3 {
                    steps.lock().unwrap().push(name);
                    yields(1).await;
                }
            });
        }
        sleep(ms(1)).await;
        assert_eq!(*steps.lock().unwrap(), "ababab");
    });
}
