//! Connections that break in the middle.

mod support;

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use deadzone_net::{How, NetEvent, Stream, Toward};
use support::{connection, link, read_to_end, run, secs, two_hosts};
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

/// How many bytes arrived, and how the stream ended.
type Seen = (usize, Option<ErrorKind>);

async fn seen(stream: &mut Stream) -> Seen {
    let (bytes, error) = read_to_end(stream).await;
    (bytes.len(), error)
}

/// What the reader and the writer of 300 and 700 bytes see of a break after `bytes`.
fn broken_after(bytes: u64, how: How) -> (Seen, Seen) {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        net.break_after(server.id(), Toward::Host, bytes, how);
        let (mut near, mut far) = connection(&client, &server).await;
        near.write_all(&[7; 300]).await.expect("the window is wide");
        near.write_all(&[7; 700]).await.expect("the window is wide");
        sleep(secs(1)).await;
        let sides = (seen(&mut far).await, seen(&mut near).await);
        drop((near, far));
        sleep(secs(2)).await;
        assert_eq!(net.stats().connections_held, 0, "after {bytes}");
        sides
    })
}

#[test]
fn a_reset_after_some_bytes_is_seen_at_both_ends() {
    let reset = Some(ErrorKind::ConnectionReset);
    for (bytes, arrived) in [(0, 0), (1, 1), (299, 299), (300, 300), (301, 301), (1_000, 1_000)] {
        assert_eq!(broken_after(bytes, How::Reset), ((arrived, reset), (0, reset)), "after {bytes}");
    }
}

#[test]
fn an_orderly_end_after_some_bytes_looks_like_one_at_both_ends() {
    // The writer had sent more: that is answered with a reset, behind the end of stream.
    for bytes in [0, 1, 300, 301, 1_000] {
        let (reader, writer) = broken_after(bytes, How::End);
        assert_eq!((reader, writer), ((bytes as usize, None), (0, None)), "after {bytes}");
    }
}

#[test]
fn writing_after_an_end_in_the_middle_is_answered_with_a_reset() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        net.break_after(client.id(), Toward::Others, 3, How::End);
        let (mut near, mut far) = connection(&client, &server).await;
        near.write_all(b"request").await.unwrap();
        assert_eq!(read_to_end(&mut far).await, (b"req".to_vec(), None));
        far.write_all(b"answer").await.unwrap();
        sleep(secs(1)).await;
        assert_eq!(far.write_all(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(read_to_end(&mut near).await, (vec![], None));
    });
}

#[test]
fn a_break_strikes_once_and_is_told() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let events = Arc::new(Mutex::new(Vec::new()));
        let record = events.clone();
        net.observe(Box::new(move |event| record.lock().unwrap().push(event.clone())));
        let (host, from, to) = (client.id(), server.id(), client.id());
        net.break_after(host, Toward::Host, 3, How::Reset);
        let (mut near, mut far) = connection(&client, &server).await;
        near.write_all(b"request").await.unwrap();
        far.write_all(b"answer").await.unwrap();
        assert_eq!(seen(&mut near).await, (3, Some(ErrorKind::ConnectionReset)));
        let expected = NetEvent::Broken { host, from, to, how: How::Reset };
        assert_eq!(events.lock().unwrap()[..], [expected]);

        let (near, mut far) = connection(&client, &server).await;
        far.write_all(b"answer").await.unwrap();
        drop(far);
        let mut near = near;
        assert_eq!(seen(&mut near).await, (6, None));
    });
}

#[test]
fn breaks_of_a_direction_follow_each_other_and_count_over_all_connections() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        net.break_after(server.id(), Toward::Host, 5, How::End);
        net.break_after(server.id(), Toward::Others, 1, How::Reset);
        net.break_after(server.id(), Toward::Host, 2, How::Reset);
        let mut arrived = Vec::new();
        for _ in 0..3 {
            let (mut near, mut far) = connection(&client, &server).await;
            near.write_all(b"four").await.unwrap();
            sleep(secs(1)).await;
            drop(near);
            arrived.push(seen(&mut far).await);
        }
        let reset = Some(ErrorKind::ConnectionReset);
        assert_eq!(arrived, [(4, None), (1, None), (2, reset)]);
        assert_eq!((net.clear_breaks(server.id()), net.clear_breaks(server.id())), (1, 0));
    });
}

#[test]
fn a_break_over_a_cut_way_back_is_noticed_later() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        net.break_after(server.id(), Toward::Host, 3, How::Reset);
        net.change_link(server.id(), client.id(), |link| link.cut = true);
        near.write_all(b"request").await.unwrap();
        assert_eq!(seen(&mut far).await, (3, Some(ErrorKind::ConnectionReset)));
        sleep(secs(10)).await;
        net.set_links(client.id(), server.id(), link());
        assert_eq!(seen(&mut near).await, (0, Some(ErrorKind::ConnectionReset)));
    });
}
