//! What the tests share. Each of them uses a part of it.
#![allow(dead_code, reason = "every test file is a crate of its own and uses what it needs")]

use std::future::Future;
use std::time::Duration;

use deadzone_net::{Draws, Host, Link, Net, Stream, simulate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

pub(crate) const PORT: u16 = 80;

pub(crate) const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A link of 20 ms, otherwise free.
pub(crate) fn link() -> Link {
    Link { latency: ms(20), ..Link::default() }
}

/// Runs `main` in a world of its own, for a simulated year at most.
pub(crate) fn run<F: Future>(main: impl FnOnce(Net) -> F) -> F::Output {
    run_seed(1, main)
}

pub(crate) fn run_seed<F: Future>(seed: u64, main: impl FnOnce(Net) -> F) -> F::Output {
    simulate(Draws::new(seed), secs(365 * 86_400), main).expect("the test ends within a year")
}

/// A client and a server, 20 ms apart.
pub(crate) fn two_hosts(net: &Net) -> (Host, Host) {
    let (client, server) = (net.add_host("client"), net.add_host("server"));
    net.set_links(client, server, link());
    (net.host(client), net.host(server))
}

/// A connection from the first host to the second, seen from both.
pub(crate) async fn connection(client: &Host, server: &Host) -> (Stream, Stream) {
    let mut listener = server.listen(PORT).expect("the port is free");
    let near = client.connect(server.id(), PORT).await.expect("the way is open");
    let far = listener.accept().await;
    (near, far)
}

/// A future's result and the simulated time it took.
pub(crate) async fn timed<F: Future>(future: F) -> (F::Output, Duration) {
    let start = Instant::now();
    let result = future.await;
    (result, start.elapsed())
}

/// Reads once, as text.
pub(crate) async fn read_text(stream: &mut Stream) -> std::io::Result<String> {
    let mut buffer = vec![0; 4096];
    let count = stream.read(&mut buffer).await?;
    Ok(String::from_utf8(buffer[..count].to_vec()).expect("text"))
}

/// Reads to the end of the stream, or the error that takes its place.
pub(crate) async fn read_to_end(stream: &mut Stream) -> (Vec<u8>, Option<std::io::ErrorKind>) {
    let mut all = Vec::new();
    let error = stream.read_to_end(&mut all).await.err();
    (all, error.map(|error| error.kind()))
}

/// A task that accepts connections and sends back what it reads.
pub(crate) fn echo(server: &Host) {
    let mut listener = server.listen(PORT).expect("the port is free");
    let host = server.clone();
    server.spawn(async move {
        loop {
            let stream = listener.accept().await;
            host.spawn(async move {
                let (mut reading, mut writing) = tokio::io::split(stream);
                let _ = tokio::io::copy(&mut reading, &mut writing).await;
                let _ = writing.shutdown().await;
            });
        }
    });
}

/// Sends a line and waits for its echo.
pub(crate) async fn ask(stream: &mut Stream, text: &str) -> std::io::Result<String> {
    stream.write_all(text.as_bytes()).await?;
    let mut buffer = vec![0; text.len()];
    stream.read_exact(&mut buffer).await?;
    Ok(String::from_utf8(buffer).expect("text"))
}
