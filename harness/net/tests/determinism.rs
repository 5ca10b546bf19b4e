//! The same seed is the same run, on any thread; another seed is another.

mod support;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use deadzone_net::http::{client, serve};
use deadzone_net::{Crash, Draws, Host, How, Link, Net, Stats, Toward};
use http::{Request, Response};
use support::{PORT, ms, run_seed, secs, timed};
use tokio::time::{sleep, timeout};
use tower::{ServiceExt, service_fn};

const DEVICES: u64 = 4;

fn start_server(server: &Host, draws: Draws) {
    let host = server.clone();
    let service = service_fn(move |request: Request<Bytes>| {
        let host = host.clone();
        let key = draws.key("yield").text(request.uri().path());
        async move {
            host.yield_point(key).await;
            Ok::<_, Infallible>(Response::new(request.into_body().slice(..100)))
        }
    });
    let listener = server.listen(PORT).expect("the port is free");
    server.spawn(serve(server.clone(), listener, service));
}

fn start_device(device: &Host, server: &Host, draws: Draws) {
    let client = client(device.clone(), server.id(), PORT);
    let number = device.id().number();
    device.spawn(async move {
        for n in 0..200 {
            let key = |purpose| draws.key(purpose).num(number).num(n);
            let mut body = vec![0; key("size").between(100, 40_000) as usize];
            key("body").fill(&mut body[..100]);
            let request = Request::post(format!("/{number}/{n}")).body(Bytes::from(body));
            let exchange = client.clone().oneshot(request.expect("a valid request"));
            let _ = timeout(secs(5), exchange).await;
            sleep(key("pause").duration(ms(0), ms(100))).await;
        }
    });
}

/// Clients and a server under every kind of fault, then half an hour of peace.
async fn chaos(net: Net, seed: u64) -> (u64, Stats) {
    let draws = Draws::new(seed).child("chaos");
    let server = net.add_host("server");
    let devices: Vec<_> = (0..DEVICES).map(|n| net.add_host(&format!("device {n}"))).collect();
    for device in &devices {
        let bad = Link {
            latency: ms(15),
            jitter: ms(20),
            loss: 0.05,
            bytes_per_s: Some(500_000),
            ..Link::default()
        };
        net.set_links(*device, server, bad);
        start_device(&net.host(*device), &net.host(server), draws);
    }
    start_server(&net.host(server), draws);
    for round in 0..30 {
        let key = |purpose| draws.key(purpose).num(round);
        sleep(key("calm").duration(ms(0), secs(4))).await;
        let device = *key("device").pick(&devices).expect("there are devices");
        let crash = if key("crash").chance(0.5) { Crash::Kill } else { Crash::PowerLoss };
        let how = if key("how").chance(0.5) { How::Reset } else { How::End };
        match key("fault").below(6) {
            0 => net.change_link(device, server, |link| link.cut = true),
            1 => net.change_link(server, device, |link| link.cut = true),
            2 => net.set_interface(device, false),
            3 => net.break_after(device, Toward::Host, key("bytes").below(500), how),
            4 => net.kill(server, crash).await,
            _ => net.kill(device, crash).await,
        }
        sleep(key("storm").duration(ms(0), secs(3))).await;
        net.change_link(device, server, |link| link.cut = false);
        net.change_link(server, device, |link| link.cut = false);
        net.set_interface(device, true);
        if !net.host(server).is_alive() {
            start_server(&net.boot(server), draws);
        }
        if !net.host(device).is_alive() {
            start_device(&net.boot(device), &net.host(server), draws);
        }
    }
    sleep(secs(1_800)).await;
    (net.digest(), net.stats())
}

fn run_chaos(seed: u64) -> (u64, Stats) {
    run_seed(seed, |net| chaos(net, seed))
}

#[test]
fn the_same_seed_is_the_same_run_on_every_thread() {
    let seeds = || 0..3;
    let expected: Vec<_> = seeds().map(run_chaos).collect();
    #[expect(clippy::disallowed_methods, reason = "the test is about threads")]
    let threads: Vec<_> =
        (0..3).map(|_| std::thread::spawn(move || seeds().map(run_chaos).collect::<Vec<_>>())).collect();
    for thread in threads {
        assert_eq!(thread.join().expect("no panic"), expected);
    }
    let digests: BTreeSet<_> = expected.iter().map(|(digest, _)| digest).collect();
    assert_eq!(digests.len(), expected.len(), "another seed is another run");
}

#[test]
fn chaos_is_not_idle_and_leaves_nothing_behind() {
    for seed in 100..110 {
        let (_, stats) = run_chaos(seed);
        assert!(stats.delivered > 2_000 && stats.lost > 200 && stats.retransmitted > 100, "{stats:?}");
        // Idle connections are closed by the server, except those it forgot in a power loss:
        // each device keeps a few of them.
        assert!(stats.connections_held <= 4, "seed {seed}: {stats:?}");
        assert_eq!(stats.events_held, 0, "seed {seed}");
    }
}

#[test]
fn the_digest_tells_a_byte_and_a_millisecond_apart() {
    let digest = |text: &'static str, pause| {
        run_seed(1, async |net| {
            let (near, far) = support::two_hosts(&net);
            support::echo(&far);
            let mut stream = near.connect(far.id(), PORT).await.expect("the way is open");
            sleep(ms(pause)).await;
            support::ask(&mut stream, text).await.expect("the way is open");
            net.digest()
        })
    };
    assert_eq!(digest("hello", 0), digest("hello", 0));
    assert_ne!(digest("hello", 0), digest("hellp", 0));
    assert_ne!(digest("hello", 0), digest("hello", 1));
}

#[test]
fn losses_do_not_depend_on_what_other_connections_do() {
    /// How long the pings of one client take, while `others` use the network too.
    fn times(others: usize) -> Vec<Duration> {
        run_seed(1, async |net| {
            let server = net.add_host("server");
            let clients: Vec<_> = (0..=others).map(|_| net.add_host("client")).collect();
            support::echo(&net.host(server));
            for client in &clients {
                let lossy = Link { loss: 0.2, jitter: ms(10), ..Link::default() };
                net.set_links(*client, server, lossy);
            }
            for client in &clients[1..] {
                let host = net.host(*client);
                net.host(*client).spawn(async move {
                    let mut stream = host.connect(server, PORT).await.expect("loss is no refusal");
                    while support::ask(&mut stream, "noise").await.is_ok() {}
                });
            }
            let mut stream = net.host(clients[0]).connect(server, PORT).await.expect("loss is no refusal");
            let mut times = Vec::new();
            for _ in 0..100 {
                times.push(timed(support::ask(&mut stream, "hello")).await.1);
            }
            times
        })
    }
    assert_eq!(times(0), times(3));
}
