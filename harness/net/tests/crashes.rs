//! What a crash does: to the tasks, to the peers, and to whatever the dead still hold.

mod support;

use std::io::ErrorKind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use deadzone_net::{Crash, NetEvent};
use support::{PORT, ask, connection, echo, link, ms, read_text, read_to_end, run, secs, timed, two_hosts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

/// Counts itself in when made and out when dropped.
struct Counted(Arc<AtomicU32>);

impl Counted {
    fn new(count: &Arc<AtomicU32>) -> Counted {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[test]
fn a_kill_returns_when_every_task_is_dropped() {
    run(async |net| {
        let (_, host) = two_hosts(&net);
        let count = Arc::new(AtomicU32::new(0));
        for round in 0..100 {
            let (counted, spawner, inner) = (Counted::new(&count), host.clone(), Counted::new(&count));
            host.spawn(async move {
                sleep(ms(round % 7)).await;
                spawner.spawn(async move {
                    let _inner = inner;
                    sleep(secs(1_000)).await;
                });
                sleep(ms(round * 10)).await;
                drop(counted);
            });
        }
        sleep(ms(500)).await;
        assert!((101..200).contains(&count.load(Ordering::Relaxed)));
        let ((), time) = timed(net.kill(host.id(), Crash::Kill)).await;
        assert_eq!((count.load(Ordering::Relaxed), time), (0, ms(0)));
        net.kill(host.id(), Crash::PowerLoss).await;
    });
}

#[test]
fn a_task_may_kill_its_own_host() {
    run(async |net| {
        let (_, host) = two_hosts(&net);
        let (own_net, id) = (net.clone(), host.id());
        host.spawn(async move {
            own_net.kill(id, Crash::Kill).await;
            unreachable!("it is dropped while it waits");
        });
        sleep(ms(1)).await;
        assert!(!host.is_alive());
    });
}

#[test]
fn what_is_spawned_after_the_end_is_dropped_at_once() {
    run(async |net| {
        let (_, host) = two_hosts(&net);
        let count = Arc::new(AtomicU32::new(0));
        let (counted, spawner, ran) = (Counted::new(&count), host.clone(), Arc::new(AtomicU32::new(0)));
        let runs = ran.clone();
        // A destructor that spawns, as connection pools do.
        struct SpawnsWhenDropped(Option<Box<dyn FnOnce() + Send>>);
        impl Drop for SpawnsWhenDropped {
            fn drop(&mut self) {
                (self.0.take().unwrap())();
            }
        }
        let late = SpawnsWhenDropped(Some(Box::new(move || {
            spawner.spawn(async move {
                drop(counted);
                runs.fetch_add(1, Ordering::Relaxed);
            });
        })));
        host.spawn(async move {
            let _late = late;
            sleep(secs(1_000)).await;
        });
        sleep(ms(1)).await;
        net.kill(host.id(), Crash::Kill).await;
        sleep(ms(1)).await;
        assert_eq!((count.load(Ordering::Relaxed), ran.load(Ordering::Relaxed)), (0, 0));
    });
}

#[test]
fn a_killed_process_ends_its_streams_in_order_or_with_a_reset() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let mut listener = server.listen(PORT).unwrap();
        let mut quiet = client.connect(server.id(), PORT).await.unwrap();
        let mut talking = client.connect(server.id(), PORT).await.unwrap();
        let _held = (listener.accept().await, listener.accept().await);
        let mut waiting = client.connect(server.id(), PORT).await.unwrap();
        talking.write_all(b"unread").await.unwrap();
        sleep(secs(1)).await;
        net.kill(server.id(), Crash::Kill).await;
        assert_eq!(timed(read_to_end(&mut quiet)).await, ((vec![], None), ms(20)));
        let reset = (vec![], Some(ErrorKind::ConnectionReset));
        assert_eq!(read_to_end(&mut talking).await, reset);
        assert_eq!(read_to_end(&mut waiting).await, reset, "it was never accepted");
    });
}

#[test]
fn a_machine_refuses_while_its_process_is_dead_and_serves_again_after() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        echo(&server);
        net.kill(server.id(), Crash::Kill).await;
        let (result, time) = timed(client.connect(server.id(), PORT)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::ConnectionRefused, ms(40)));
        let server = net.boot(server.id());
        assert_eq!((server.incarnation(), server.is_alive()), (2, true));
        echo(&server);
        let mut stream = client.connect(server.id(), PORT).await.unwrap();
        assert_eq!(ask(&mut stream, "hello").await.unwrap(), "hello");
    });
}

#[test]
fn power_loss_leaves_the_peer_half_open() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, _far) = connection(&client, &server).await;
        net.kill(server.id(), Crash::PowerLoss).await;
        assert!(timeout(secs(30 * 86_400), read_text(&mut near)).await.is_err(), "it hears nothing, ever");
        near.write_all(b"anybody?").await.unwrap();
        let (result, time) = timed(read_text(&mut near)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::TimedOut, ms(924_600)));
    });
}

#[test]
fn a_machine_that_is_on_again_resets_what_it_forgot() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, _far) = connection(&client, &server).await;
        net.kill(server.id(), Crash::PowerLoss).await;
        sleep(secs(10)).await;
        echo(&net.boot(server.id()));
        near.write_all(b"still there?").await.unwrap();
        let (result, time) = timed(read_text(&mut near)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::ConnectionReset, ms(40)));
    });
}

#[test]
fn a_request_sent_before_the_power_is_back_is_reset_by_its_retransmission() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, _far) = connection(&client, &server).await;
        net.kill(server.id(), Crash::PowerLoss).await;
        near.write_all(b"anybody?").await.unwrap();
        sleep(secs(10)).await;
        net.boot(server.id());
        let (result, time) = timed(read_text(&mut near)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::ConnectionReset, ms(2_640)));
    });
}

#[test]
fn a_reset_that_is_lost_is_sent_again_when_asked_for() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, _far) = connection(&client, &server).await;
        net.kill(server.id(), Crash::PowerLoss).await;
        net.boot(server.id());
        net.change_link(server.id(), client.id(), |link| link.cut = true);
        near.write_all(b"still there?").await.unwrap();
        sleep(secs(10)).await;
        net.set_links(client.id(), server.id(), link());
        let (result, time) = timed(read_text(&mut near)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::ConnectionReset, ms(2_640)));
    });
}

#[test]
fn the_handles_of_a_dead_incarnation_do_nothing_wherever_they_are() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let mut listener = server.listen(PORT).unwrap();
        let mut near = client.connect(server.id(), PORT).await.unwrap();
        let mut far = listener.accept().await;
        let resetter = far.resetter();
        net.kill(server.id(), Crash::PowerLoss).await;
        sleep(secs(2)).await;
        let before = net.stats();
        let reborn = net.boot(server.id());
        let mut buffer = [0; 8];
        let for_ever = secs(86_400);
        assert!(timeout(for_ever, far.write_all(b"ghost")).await.is_err());
        assert!(timeout(for_ever, far.read(&mut buffer)).await.is_err());
        assert!(timeout(for_ever, far.shutdown()).await.is_err());
        assert!(timeout(for_ever, listener.accept()).await.is_err());
        assert!(timeout(for_ever, server.connect(client.id(), PORT)).await.is_err());
        assert_eq!(server.listen(PORT).unwrap_err().kind(), ErrorKind::NotConnected);
        resetter.reset();
        let new_listener = reborn.listen(PORT).unwrap();
        drop((far, listener));
        assert_eq!(net.stats(), before, "nothing reached the network");
        assert!(timeout(secs(60), near.read(&mut buffer)).await.is_err());
        assert!(client.connect(server.id(), PORT).await.is_ok(), "the new listener stands");
        drop(new_listener);
    });
}

#[test]
fn a_stream_smuggled_to_another_host_dies_with_its_own() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        let writes = Arc::new(AtomicU32::new(0));
        let count = writes.clone();
        client.spawn(async move {
            loop {
                if far.write_all(b"x").await.is_ok() {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                sleep(secs(1)).await;
            }
        });
        sleep(ms(2_500)).await;
        net.kill(server.id(), Crash::Kill).await;
        sleep(secs(100)).await;
        assert_eq!(writes.load(Ordering::Relaxed), 3);
        assert_eq!(read_to_end(&mut near).await, (b"xxx".to_vec(), None));
    });
}

#[test]
fn booting_a_host_that_runs_changes_nothing() {
    run(async |net| {
        let (_, host) = two_hosts(&net);
        assert_eq!(net.boot(host.id()).incarnation(), 1);
        assert!(host.is_alive());
    });
}

#[test]
fn a_dead_machine_can_lose_its_power_and_a_dark_one_stays_dark() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        for crash in [Crash::Kill, Crash::PowerLoss, Crash::Kill] {
            net.kill(server.id(), crash).await;
        }
        let result = client.connect(server.id(), PORT).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!((net.host(server.id()).is_alive(), net.boot(server.id()).incarnation()), (false, 2));
    });
}

#[test]
fn a_panic_in_a_task_is_told_and_its_host_runs_on() {
    run(async |net| {
        let (_, host) = two_hosts(&net);
        let events = Arc::new(Mutex::new(Vec::new()));
        let record = events.clone();
        net.observe(Box::new(move |event| record.lock().unwrap().push(event.clone())));
        std::panic::set_hook(Box::new(|_| ()));
        host.spawn(async { panic!("out of {}", "cheese") });
        sleep(ms(1)).await;
        drop(std::panic::take_hook());
        let panicked =
            NetEvent::Panicked { host: host.id(), incarnation: 1, message: "out of cheese".to_owned() };
        assert_eq!((&events.lock().unwrap()[..], host.is_alive()), (&[panicked][..], true));
    });
}
