//! What one request costs in process: no sockets, no disk, the time of nobody but the server.
//!
//! Run with `cargo bench -p deadzone-server`.

#![expect(clippy::unwrap_used, dead_code, reason = "the lab is that of the tests")]

#[path = "../tests/server/lab.rs"]
mod lab;
#[path = "../tests/server/render.rs"]
mod render;
#[path = "../tests/server/write.rs"]
mod write;

use std::cell::Cell;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use deadzone_contract::wire::PushRequest;
use http::{Method, Request};
use tower::ServiceExt;

use lab::{Lab, START_MS, block_on};
use write::{Write, base, create, project, task, update};

fn requests(criterion: &mut Criterion) {
    // What a limit refuses costs nothing.
    let lab = Lab::with(|p| (p.push_limit, p.pull_limit) = (u64::MAX, u64::MAX));
    let first = task(2, "t")
        .put("title", "Milk")
        .put("assignee", "ben")
        .set("status", "open", base(0))
        .add("completed_count", 1)
        .tags(["home", "urgent"], []);
    lab.push("ana/phone", [project(1, "p").put("title", "House"), first.clone()]);

    let number = Cell::new(2);
    let next = || {
        number.set(number.get() + 1);
        number.get()
    };
    let push = |write: Write| {
        let body = serde_json::to_vec(&PushRequest { mutations: vec![write.into()] }).unwrap();
        lab.request("ana/phone", Method::POST, "/sync/mutations", body)
    };
    let pull = |since| lab.request("ana/phone", Method::GET, &format!("/sync?since={since}"), Bytes::new());
    let mut bench = |name: &str, request: &dyn Fn() -> Request<Bytes>| {
        criterion.bench_function(name, |bencher| {
            let answer = |request| block_on(lab.service().oneshot(request)).unwrap();
            bencher.iter_batched(request, answer, BatchSize::SmallInput);
        });
    };

    bench("push an edit", &|| {
        let number = next();
        // Counted within one ms, so that each wins and none is ahead of the clock.
        push(update(number, "t").put("title", "Oat milk").stamped(START_MS, number as u32, "phone"))
    });
    bench("push a create", &|| {
        let number = next();
        push(task(number, &format!("t{number}")).put("title", "Milk").at(0))
    });
    bench("push what was pushed before", &|| push(first.clone()));
    let mut head = 0;
    loop {
        let page = lab.try_pull("ana/phone", &format!("since={head}")).unwrap();
        head = page.next;
        if !page.more {
            break;
        }
    }
    bench("pull nothing", &|| pull(head));

    // What others do elsewhere, and all of it costs nothing here.
    lab.push("eve/pad", [create(1, "elsewhere", "project", "away", None)]);
    for n in 0..100 {
        let more = (1..=100).map(|m| {
            let number = n * 100 + m + 1;
            create(number, &format!("e{number}"), "task", "away", Some("elsewhere")).at(0)
        });
        lab.push("eve/pad", more);
    }
    lab.push("ben/laptop", [update(1, "t").put("title", "Soy milk")]);
    bench("pull one change behind ten thousand elsewhere", &|| pull(head));
}

criterion_group!(benches, requests);
criterion_main!(benches);
