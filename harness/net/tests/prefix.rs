//! Under any faults, what is read is a beginning of what was written; and an end of stream
//! that no fault made up means that it was read whole.

mod support;

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use deadzone_net::{Crash, Draws, Host, How, Link, Net, NetEvent, Stream, Toward};
use support::{connection, link, ms, run_seed, secs};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

const FAULTS: u64 = 8;

fn byte(place: usize) -> u8 {
    (place / 251 * 7 + place) as u8
}

/// Writes up to 400 kB in parts of any size; counts what was accepted.
fn write(host: &Host, mut stream: Stream, draws: Draws, accepted: Arc<AtomicUsize>) {
    host.spawn(async move {
        for part in 0..40 {
            let key = |purpose| draws.key(purpose).num(part);
            let from = accepted.load(Ordering::Relaxed);
            let bytes: Vec<u8> = (from..from + key("size").below(20_000) as usize).map(byte).collect();
            let mut left = &bytes[..];
            while !left.is_empty() {
                let Ok(count) = stream.write(left).await else { return };
                accepted.fetch_add(count, Ordering::Relaxed);
                left = &left[count..];
            }
            sleep(key("pause").duration(ms(0), ms(600))).await;
        }
    });
}

async fn strike(net: &Net, writer: &Host, reader: &Host, draws: Draws) {
    let (one, other) = (writer.id(), reader.id());
    for fault in 0..FAULTS {
        let key = |purpose| draws.key(purpose).num(fault);
        sleep(key("calm").duration(ms(0), secs(1))).await;
        let host = if key("host").chance(0.5) { one } else { other };
        let how = if key("how").chance(0.5) { How::Reset } else { How::End };
        let may_kill = key("kill").chance(0.2);
        match key("fault").below(8) {
            0 => net.set_interface(host, false),
            1 => net.change_link(one, other, |link| link.cut = true),
            2 => net.change_link(other, one, |link| link.cut = true),
            3 => net.set_link(one, other, Link { bytes_per_s: Some(30_000), ..link() }),
            4 if may_kill => net.break_after(other, Toward::Host, key("bytes").below(100_000), how),
            5 if may_kill => net.kill(host, Crash::Kill).await,
            6 if may_kill => net.kill(host, Crash::PowerLoss).await,
            _ => net.set_links(one, other, Link { loss: 0.3, jitter: ms(40), ..link() }),
        }
        sleep(key("storm").duration(ms(0), secs(1))).await;
        net.set_interface(host, true);
        net.set_links(one, other, link());
    }
}

/// Runs one seed; answers how the stream ended, `None` when its reader heard nothing more.
fn run_one(seed: u64) -> Option<Result<(), ErrorKind>> {
    run_seed(seed, async |net| {
        let draws = Draws::new(seed);
        let (writer, reader) = support::two_hosts(&net);
        let broken = Arc::new(AtomicBool::new(false));
        let struck = broken.clone();
        net.observe(Box::new(move |event| {
            if let NetEvent::Broken { .. } = event {
                struck.store(true, Ordering::Relaxed);
            }
        }));
        let (near, mut far) = connection(&writer, &reader).await;
        let accepted = Arc::new(AtomicUsize::new(0));
        write(&writer, near, draws, accepted.clone());
        let mut received = Vec::new();
        let reading = timeout(secs(3_600), far.read_to_end(&mut received));
        let (end, ()) = tokio::join!(reading, strike(&net, &writer, &reader, draws));
        let accepted = accepted.load(Ordering::Relaxed);
        assert!(received.len() <= accepted, "seed {seed}");
        assert!((0..).zip(&received).all(|(place, got)| *got == byte(place)), "seed {seed}");
        let end = end.ok().map(|end| end.map(|_| ()).map_err(|error| error.kind()));
        if end == Some(Ok(())) && !broken.load(Ordering::Relaxed) {
            assert_eq!(received.len(), accepted, "seed {seed}");
        }
        drop(far);
        sleep(secs(3_600)).await;
        assert_eq!((net.stats().connections_held, net.stats().events_held), (0, 0), "seed {seed}");
        end
    })
}

#[test]
fn what_is_read_is_a_beginning_of_what_was_written() {
    let ends: Vec<_> = (0..150).map(run_one).collect();
    let count = |end| ends.iter().filter(|other| **other == end).count();
    let reset = count(Some(Err(ErrorKind::ConnectionReset)));
    let (whole, silent) = (count(Some(Ok(()))), count(None));
    assert!(whole > 50 && reset > 5 && silent > 5, "{whole} whole, {reset} reset, {silent} silent");
}
