//! What a client sees of an open connection: order, ends, resets, backpressure.

mod support;

use std::io::{ErrorKind, IoSlice};

use support::{connection, ms, read_text, read_to_end, run, secs, timed, two_hosts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

const WINDOW_BYTES: usize = 256 * 1024;

#[test]
fn bytes_arrive_in_order_after_the_latency() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        let sent: Vec<u8> = (0..200_000u32).map(|n| (n * 7 / 3) as u8).collect();
        near.write_all(&sent).await.unwrap();
        let (first, time) = timed(read_ten(&mut far)).await;
        assert_eq!(time, ms(20));
        near.shutdown().await.unwrap();
        let (rest, error) = read_to_end(&mut far).await;
        assert_eq!((error, [first, rest].concat() == sent), (None, true));
    });
}

async fn read_ten(stream: &mut deadzone_net::Stream) -> Vec<u8> {
    let mut buffer = vec![0; 10];
    let count = stream.read(&mut buffer).await.expect("the way is open");
    buffer.truncate(count);
    buffer
}

#[test]
fn slices_are_written_as_one_message() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        let before = net.stats().delivered;
        let slices = [IoSlice::new(b"head "), IoSlice::new(b""), IoSlice::new(b"body")];
        assert_eq!(near.write_vectored(&slices).await.unwrap(), 9);
        assert_eq!(read_text(&mut far).await.unwrap(), "head body");
        assert_eq!(net.stats().delivered - before, 1);
    });
}

#[test]
fn a_shut_down_direction_ends_and_the_other_goes_on() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        near.write_all(b"request").await.unwrap();
        near.shutdown().await.unwrap();
        assert_eq!(near.write_all(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(read_to_end(&mut far).await, (b"request".to_vec(), None));
        far.write_all(b"answer").await.unwrap();
        drop(far);
        assert_eq!(read_to_end(&mut near).await, (b"answer".to_vec(), None));
        near.shutdown().await.unwrap();
        drop(near);
        sleep(secs(1)).await;
        assert_eq!(net.stats().connections_held, 0);
    });
}

#[test]
fn dropping_a_stream_ends_it_in_order_unless_something_was_left_unread() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (near, mut far) = connection(&client, &server).await;
        drop(near);
        assert_eq!(timed(read_to_end(&mut far)).await, ((vec![], None), ms(20)));

        let (near, mut far) = connection(&client, &server).await;
        far.write_all(b"unread").await.unwrap();
        sleep(ms(30)).await;
        drop(near);
        let reset = Some(ErrorKind::ConnectionReset);
        assert_eq!(timed(read_to_end(&mut far)).await, ((vec![], reset), ms(20)));
        assert_eq!(far.write_all(b"more").await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn what_arrived_before_a_reset_can_be_read_before_the_error() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        far.write_all(b"unread").await.unwrap();
        sleep(ms(30)).await;
        near.write_all(b"last words").await.unwrap();
        drop(near);
        sleep(secs(1)).await;
        assert_eq!(read_to_end(&mut far).await, (b"last words".to_vec(), Some(ErrorKind::ConnectionReset)));
        assert_eq!(read_text(&mut far).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn writing_to_a_stream_that_its_peer_has_dropped_breaks_the_pipe() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (near, mut far) = connection(&client, &server).await;
        drop(near);
        sleep(ms(30)).await;
        far.write_all(b"nobody reads this").await.unwrap();
        sleep(ms(50)).await;
        assert_eq!(far.write_all(b"more").await.unwrap_err().kind(), ErrorKind::BrokenPipe);
        assert_eq!(read_to_end(&mut far).await, (vec![], None));
    });
}

#[test]
fn a_resetter_resets_both_ends() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        let resetter = far.resetter();
        resetter.reset();
        assert_eq!(read_to_end(&mut far).await, (vec![], Some(ErrorKind::ConnectionAborted)));
        let reset = Some(ErrorKind::ConnectionReset);
        assert_eq!(timed(read_to_end(&mut near)).await, ((vec![], reset), ms(20)));
        drop((near, far));
        resetter.reset();
        assert_eq!(net.stats().connections_held, 0);
    });
}

#[test]
fn a_writer_waits_while_its_reader_does_not_read() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        let all = vec![7; 2_000_000];
        let mut written = 0;
        let writing = async {
            while written < all.len() {
                written += near.write(&all[written..]).await.unwrap();
            }
        };
        assert!(timeout(secs(3_600), writing).await.is_err());
        assert_eq!(written, WINDOW_BYTES);

        let mut buffer = vec![0; 100_000];
        far.read_exact(&mut buffer).await.unwrap();
        let (count, time) = timed(near.write(&all)).await;
        assert!(count.unwrap() > 0 && time == ms(20), "news of the room takes one trip: {time:?}");
        drop(near);
        let (rest, error) = read_to_end(&mut far).await;
        assert_eq!((error, rest.len() > WINDOW_BYTES - 100_000), (None, true));
    });
}

#[test]
fn backpressure_survives_a_cut_of_the_way_back() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        near.write_all(&vec![7; WINDOW_BYTES]).await.unwrap();
        sleep(secs(1)).await;
        net.change_link(server.id(), client.id(), |link| link.cut = true);
        let mut buffer = vec![0; WINDOW_BYTES];
        far.read_exact(&mut buffer).await.unwrap();
        assert!(timeout(secs(10), near.write(b"x")).await.is_err(), "the news is cut off");
        net.change_link(server.id(), client.id(), |link| link.cut = false);
        let (count, time) = timed(near.write(b"x")).await;
        assert_eq!(count.unwrap(), 1);
        assert!(time < secs(4), "the news is tried again, less and less often: {time:?}");
    });
}

#[test]
fn backpressure_survives_an_interface_that_goes_down_under_the_news_of_room() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        near.write_all(&vec![7; WINDOW_BYTES]).await.unwrap();
        sleep(secs(1)).await;
        let mut buffer = vec![0; WINDOW_BYTES];
        far.read_exact(&mut buffer).await.unwrap();
        net.set_interface(client.id(), false);
        assert!(timeout(secs(10), near.write(b"x")).await.is_err(), "the news was lost");
        net.set_interface(client.id(), true);
        let (count, time) = timed(near.write(b"x")).await;
        assert_eq!(count.unwrap(), 1);
        assert!(time < secs(4), "{time:?}");
    });
}

#[test]
fn a_stream_wakes_the_task_that_polled_it_last() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, mut far) = connection(&client, &server).await;
        assert!(timeout(secs(1), read_text(&mut far)).await.is_err());
        let (tell, told) = tokio::sync::oneshot::channel();
        server.spawn(async move { tell.send(read_text(&mut far).await) });
        sleep(secs(1)).await;
        near.write_all(b"wake up").await.unwrap();
        assert_eq!(timeout(secs(1), told).await.unwrap().unwrap().unwrap(), "wake up");
    });
}

#[test]
fn an_empty_read_or_write_does_nothing() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (mut near, _far) = connection(&client, &server).await;
        assert_eq!(near.read(&mut []).await.unwrap(), 0);
        assert_eq!(near.write(&[]).await.unwrap(), 0);
        near.flush().await.unwrap();
    });
}

#[test]
fn a_thousand_connections_leave_nothing_behind() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        support::echo(&server);
        for round in 0..1000 {
            let mut stream = client.connect(server.id(), support::PORT).await.unwrap();
            assert_eq!(support::ask(&mut stream, "hello").await.unwrap(), "hello");
            if round % 2 == 0 {
                stream.write_all(b"unread").await.unwrap();
                sleep(ms(100)).await;
            }
        }
        sleep(secs(2)).await;
        let stats = net.stats();
        assert_eq!((stats.connections, stats.connections_held, stats.events_held), (1000, 0, 0));
    });
}
