//! Latency, bandwidth and jitter, and changing them.

mod support;

use deadzone_net::{Link, LinkStats};
use support::{connection, link, ms, read_to_end, run, run_seed, secs, timed, two_hosts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep};

#[test]
fn bandwidth_delays_by_what_enters_the_link_headers_included() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        net.set_link(client.id(), server.id(), Link { bytes_per_s: Some(15_000), ..link() });
        near.write_all(&[7; 14_600]).await.unwrap();
        let mut buffer = vec![0; 14_600];
        let (_, time) = timed(far.read_exact(&mut buffer)).await;
        assert_eq!(time, ms(1_000 + 20));
    });
}

#[test]
fn connections_wait_for_each_other_at_the_entry_of_a_link() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let mut listener = server.listen(support::PORT).unwrap();
        let mut pairs = Vec::new();
        for _ in 0..2 {
            let near = client.connect(server.id(), support::PORT).await.unwrap();
            pairs.push((near, listener.accept().await));
        }
        net.set_link(client.id(), server.id(), Link { bytes_per_s: Some(15_000), ..link() });
        let start = Instant::now();
        for (near, _) in &mut pairs {
            near.write_all(&[7; 14_600]).await.unwrap();
        }
        let mut times = Vec::new();
        for (_, far) in &mut pairs {
            far.read_exact(&mut [0; 14_600]).await.unwrap();
            times.push(start.elapsed());
        }
        assert_eq!(times, [ms(1_020), ms(2_020)]);
    });
}

#[test]
fn bandwidth_of_nothing_is_slow_but_does_no_harm() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        net.set_link(client.id(), server.id(), Link { bytes_per_s: Some(0), ..link() });
        near.write_all(b"x").await.unwrap();
        assert_eq!(timed(far.read_u8()).await.1, secs(41) + ms(20));
    });
}

#[test]
fn jitter_varies_the_latency_and_keeps_the_order() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        net.set_link(client.id(), server.id(), Link { jitter: ms(30), ..link() });
        let (mut near, mut far) = connection(&client, &server).await;
        let mut times = Vec::new();
        for byte in 0..200 {
            near.write_all(&[byte]).await.unwrap();
            let (received, time) = timed(far.read_u8()).await;
            assert_eq!(received.unwrap(), byte);
            times.push(time);
        }
        times.sort();
        assert!(times[0] <= ms(22) && times[0] >= ms(20) && times[199] >= ms(48) && times[199] <= ms(50));
        let sent: Vec<u8> = (0..200).collect();
        for byte in &sent {
            near.write_all(&[*byte]).await.unwrap();
        }
        drop(near);
        assert_eq!(read_to_end(&mut far).await, (sent, None));
    });
}

#[test]
fn a_reset_does_not_overtake_what_was_sent_before_it() {
    for seed in 0..20 {
        run_seed(seed, async |net| {
            let (client, server) = two_hosts(&net);
            net.set_link(client.id(), server.id(), Link { jitter: ms(50), ..link() });
            let (mut near, mut far) = connection(&client, &server).await;
            far.write_all(b"unread").await.unwrap();
            sleep(ms(50)).await;
            near.write_all(b"last words").await.unwrap();
            drop(near);
            let reset = Some(std::io::ErrorKind::ConnectionReset);
            assert_eq!(read_to_end(&mut far).await, (b"last words".to_vec(), reset), "seed {seed}");
        });
    }
}

#[test]
fn a_change_counts_for_what_is_sent_from_then_on() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        let (from, to) = (client.id(), server.id());
        near.write_all(b"a").await.unwrap();
        net.set_link(from, to, Link { latency: ms(500), ..link() });
        assert_eq!(timed(far.read_u8()).await.1, ms(20));
        near.write_all(b"b").await.unwrap();
        net.set_link(from, to, Link { cut: true, ..link() });
        assert_eq!(timed(far.read_u8()).await.1, ms(500));
        assert_eq!(net.link(from, to), Link { cut: true, ..link() });
        assert_eq!(net.link(to, from), link());
    });
}

#[test]
fn nonsense_in_a_link_does_no_harm() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        let loss = [f64::NAN, -1.0, f64::NEG_INFINITY];
        for loss in loss {
            net.set_link(client.id(), server.id(), Link { loss, ..link() });
            near.write_all(b"x").await.unwrap();
            assert_eq!(timed(far.read_u8()).await.1, ms(20));
        }
        let endless = std::time::Duration::MAX;
        net.set_link(client.id(), server.id(), Link { latency: endless, jitter: endless, ..link() });
        near.write_all(b"x").await.unwrap();
        sleep(secs(1)).await;
        net.set_link(client.id(), server.id(), Link { loss: f64::INFINITY, ..link() });
        near.write_all(b"x").await.unwrap();
        sleep(secs(1)).await;
    });
}

#[test]
fn every_link_counts_what_went_over_it() {
    run_seed(3, async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        near.write_all(b"request").await.unwrap();
        far.read_exact(&mut [0; 7]).await.unwrap();
        let (from, to) = (client.id(), server.id());
        assert_eq!(net.link_stats(from, to), LinkStats { delivered: 3, lost: 0, bytes: 7 });
        assert_eq!(net.link_stats(to, from), LinkStats { delivered: 1, lost: 0, bytes: 0 });
        net.change_link(from, to, |link| link.cut = true);
        near.write_all(b"request").await.unwrap();
        sleep(ms(250)).await;
        assert_eq!(net.link_stats(from, to), LinkStats { delivered: 3, lost: 2, bytes: 7 });
    });
}
