//! Loss and cuts as TCP shows them: delay, and at worst a timeout, but never a hole.

mod support;

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deadzone_net::{Link, NetEvent, Why};
use support::two_hosts;
use support::{PORT, ask, connection, echo, link, ms, read_text, read_to_end, run, run_seed, secs, timed};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

#[test]
fn a_cut_of_ten_seconds_is_over_after_twelve_and_a_half() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        echo(&server);
        let mut stream = client.connect(server.id(), PORT).await.unwrap();
        net.set_links(client.id(), server.id(), Link { cut: true, ..link() });
        let mending = async {
            sleep(secs(10)).await;
            net.set_links(client.id(), server.id(), link());
        };
        let (asked, ()) = tokio::join!(timed(ask(&mut stream, "hello")), mending);
        assert_eq!((asked.0.unwrap().as_str(), asked.1), ("hello", ms(12_640)));
    });
}

#[test]
fn a_cut_of_an_hour_is_a_timeout() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        echo(&server);
        let mut stream = client.connect(server.id(), PORT).await.unwrap();
        net.set_links(client.id(), server.id(), Link { cut: true, ..link() });
        let (asked, time) = timed(ask(&mut stream, "hello")).await;
        assert_eq!((asked.unwrap_err().kind(), time), (ErrorKind::TimedOut, ms(924_600)));
        assert_eq!(stream.write(b"x").await.unwrap_err().kind(), ErrorKind::TimedOut);
    });
}

#[test]
fn an_idle_connection_survives_any_cut() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        echo(&server);
        let mut stream = client.connect(server.id(), PORT).await.unwrap();
        net.set_interface(client.id(), false);
        sleep(secs(30 * 86_400)).await;
        net.set_interface(client.id(), true);
        assert_eq!(timed(ask(&mut stream, "hello")).await.1, ms(40));
    });
}

#[test]
fn airplane_mode_stalls_what_is_open() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        echo(&server);
        let mut stream = client.connect(server.id(), PORT).await.unwrap();
        let flying = async {
            // The request is through; its answer meets the interface down.
            sleep(ms(30)).await;
            net.set_interface(client.id(), false);
            sleep(secs(1)).await;
            net.set_interface(client.id(), true);
        };
        let (asked, ()) = tokio::join!(timed(ask(&mut stream, "hello")), flying);
        assert_eq!((asked.0.unwrap().as_str(), asked.1), ("hello", ms(20 + 1_400 + 20)));
    });
}

#[test]
fn one_way_cut_lets_the_request_through_and_holds_the_answer() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        net.change_link(server.id(), client.id(), |link| link.cut = true);
        near.write_all(b"request").await.unwrap();
        let (request, time) = timed(read_text(&mut far)).await;
        assert_eq!((request.unwrap().as_str(), time), ("request", ms(20)));
        far.write_all(b"answer").await.unwrap();
        // Both sides wait in vain to be told that what they sent has arrived.
        let (asked, served) = tokio::join!(timed(read_to_end(&mut near)), timed(read_to_end(&mut far)));
        let timed_out = (vec![], Some(ErrorKind::TimedOut));
        assert_eq!(asked, (timed_out.clone(), ms(924_600 - 20)));
        assert_eq!(served, (timed_out, ms(924_600)));
    });
}

#[test]
fn one_way_cut_that_is_mended_in_time_costs_a_delay() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        net.change_link(server.id(), client.id(), |link| link.cut = true);
        near.write_all(b"request").await.unwrap();
        read_text(&mut far).await.unwrap();
        far.write_all(b"answer").await.unwrap();
        sleep(secs(300)).await;
        net.change_link(server.id(), client.id(), |link| link.cut = false);
        assert_eq!(read_text(&mut near).await.unwrap(), "answer");
        drop((near, far));
        sleep(secs(600)).await;
        assert_eq!(net.stats().connections_held, 0);
    });
}

#[test]
fn five_percent_loss_delays_some_and_loses_none() {
    let mut times = run_seed(7, async |net| {
        let (client, server) = two_hosts(&net);
        let lossy = Link { latency: ms(25), jitter: ms(5), loss: 0.05, ..Link::default() };
        net.set_links(client.id(), server.id(), lossy);
        echo(&server);
        let mut stream = client.connect(server.id(), PORT).await.unwrap();
        let mut times = Vec::new();
        for _ in 0..2_000 {
            let (answer, time) = timed(ask(&mut stream, "hello")).await;
            assert_eq!(answer.unwrap(), "hello");
            times.push(time);
            sleep(ms(100)).await;
        }
        let stats = net.stats();
        assert!((120..300).contains(&stats.lost) && stats.retransmitted == stats.lost, "{stats:?}");
        times
    });
    times.sort();
    let percentile = |p: usize| times[(times.len() - 1) * p / 100];
    assert!((ms(50)..=ms(60)).contains(&percentile(50)), "median {:?}", percentile(50));
    assert!((ms(250)..=ms(265)).contains(&percentile(99)), "99th percentile {:?}", percentile(99));
    assert!(times[0] >= ms(50) && times[times.len() - 1] < secs(4));
}

#[test]
fn a_message_of_many_packets_is_stopped_more_often_and_only_its_missing_part_sent_again() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        net.change_link(client.id(), server.id(), |link| link.loss = 0.05);
        let sixteen_packets = [7; 16 * 1460];
        for _ in 0..300 {
            near.write_all(&sixteen_packets).await.unwrap();
            far.read_exact(&mut [0; 16 * 1460]).await.unwrap();
        }
        // 56 % of the messages lose something; of these repairs, of 1.4 packets each, 7 % do.
        let lost = net.stats().lost;
        assert!((150..210).contains(&lost), "{lost}");
    });
}

#[test]
fn later_data_hurry_the_retransmission() {
    /// How long until the first of `writes` arrives when its first attempt is lost.
    fn time_until_repaired(writes: usize) -> Duration {
        run(async |net| {
            let (client, server) = two_hosts(&net);
            let (mut near, mut far) = connection(&client, &server).await;
            net.change_link(client.id(), server.id(), |link| link.loss = 1.0);
            near.write_all(b"lost").await.unwrap();
            net.change_link(client.id(), server.id(), |link| link.loss = 0.0);
            for _ in 1..writes {
                near.write_all(b"behind it").await.unwrap();
            }
            timed(read_text(&mut far)).await.1
        })
    }
    let times = [1, 3, 4, 9].map(time_until_repaired);
    assert_eq!(times, [ms(220), ms(220), ms(60), ms(60)]);
}

#[test]
fn every_hole_is_hurried_not_only_the_first() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        for _ in 0..3 {
            net.change_link(client.id(), server.id(), |link| link.loss = 1.0);
            near.write_all(b"lost").await.unwrap();
            net.change_link(client.id(), server.id(), |link| link.loss = 0.0);
            for _ in 0..3 {
                near.write_all(b" and").await.unwrap();
            }
            assert_eq!(timed(far.read_exact(&mut [0; 16])).await.1, ms(60));
            sleep(secs(1)).await;
        }
    });
}

#[test]
fn messages_that_arrive_in_any_order_are_read_in_order() {
    for seed in 0..50 {
        run_seed(seed, async |net| {
            let (client, server) = two_hosts(&net);
            let (mut near, mut far) = connection(&client, &server).await;
            net.set_link(client.id(), server.id(), Link { jitter: ms(50), ..link() });
            let flapping = async {
                for round in 1..=200 {
                    sleep(ms(7)).await;
                    net.set_interface(server.id(), round % 2 == 0);
                }
            };
            let sent: Vec<u8> = (0..200).collect();
            let writing = async {
                for byte in &sent {
                    near.write_all(&[*byte]).await.unwrap();
                    sleep(ms(2)).await;
                }
            };
            let mut received = [0; 200];
            let reading = timeout(secs(60), far.read_exact(&mut received));
            let ((), (), result) = tokio::join!(flapping, writing, reading);
            assert!(result.is_ok() && received[..] == sent, "seed {seed}");
        });
    }
}

#[test]
fn a_stream_over_a_bad_link_has_no_holes() {
    for seed in 0..100 {
        run_seed(seed, async |net| {
            let (client, server) = two_hosts(&net);
            let (mut near, mut far) = connection(&client, &server).await;
            net.set_links(client.id(), server.id(), Link { loss: 0.2, jitter: ms(50), ..link() });
            let flapping = async {
                for round in 1..=60 {
                    sleep(ms(170)).await;
                    net.set_interface(server.id(), round % 2 == 0);
                    net.change_link(server.id(), client.id(), |link| link.cut = round % 3 == 1);
                }
            };
            let sent: Vec<u8> = (0..300_000u32).map(|n| (n * 7 / 3) as u8).collect();
            let writing = async {
                for part in sent.chunks(10_000) {
                    near.write_all(part).await.unwrap();
                    sleep(ms(40)).await;
                }
                near.shutdown().await.unwrap();
            };
            let ((), (), received) = tokio::join!(flapping, writing, read_to_end(&mut far));
            assert!(received == (sent.clone(), None), "seed {seed}");
        });
    }
}

#[test]
fn the_observer_hears_what_was_stopped_and_why() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, _far) = connection(&client, &server).await;
        let events = Arc::new(Mutex::new(Vec::new()));
        let record = events.clone();
        let start = Instant::now();
        net.observe(Box::new(move |event| {
            let NetEvent::Stopped { from, to, why } = *event else { panic!("{event:?}") };
            record.lock().unwrap().push((start.elapsed(), from, to, why));
        }));
        let (from, to) = (client.id(), server.id());
        net.change_link(from, to, |link| link.cut = true);
        near.write_all(b"x").await.unwrap();
        sleep(ms(100)).await;
        net.set_link(from, to, Link { loss: 1.0, ..link() });
        sleep(ms(200)).await;
        net.set_link(from, to, link());
        net.set_interface(to, false);
        sleep(ms(1_000)).await;
        let expected = [(0, Why::Cut), (200, Why::Loss), (620, Why::InterfaceDown)];
        let expected = expected.map(|(at, why)| (ms(at), from, to, why));
        assert_eq!(events.lock().unwrap()[..3], expected);
    });
}

#[test]
fn a_cut_that_stops_acknowledgements_only_is_told_too() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        let events = Arc::new(Mutex::new(Vec::new()));
        let record = events.clone();
        net.observe(Box::new(move |event| record.lock().unwrap().push(event.clone())));
        let (from, to) = (server.id(), client.id());
        net.change_link(from, to, |link| link.cut = true);
        near.write_all(b"x").await.unwrap();
        read_text(&mut far).await.unwrap();
        assert_eq!(events.lock().unwrap()[..], [NetEvent::Stopped { from, to, why: Why::Cut }]);
    });
}

#[test]
fn an_end_that_nobody_holds_gives_up_sooner() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (near, far) = connection(&client, &server).await;
        net.set_links(client.id(), server.id(), Link { cut: true, ..link() });
        drop((near, far));
        assert_eq!(net.stats().connections_held, 1);
        sleep(secs(103)).await;
        assert_eq!(net.stats().connections_held, 0);
    });
}

#[test]
fn nothing_is_read_while_the_link_is_cut() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        net.set_links(client.id(), server.id(), Link { cut: true, ..link() });
        near.write_all(b"x").await.unwrap();
        near.shutdown().await.unwrap();
        assert!(timeout(secs(900), read_text(&mut far)).await.is_err());
    });
}
