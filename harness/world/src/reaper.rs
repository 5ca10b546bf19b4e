//! Clears up behind hosts that a fault brought down.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::fleet::Fleet;
use crate::nemesis::Fall;

/// Takes what a fall has left off the machine, and starts it again where the fault says so. Goes
/// on for as long as it is polled.
pub(crate) async fn reap(fleet: &Fleet, mut falls: UnboundedReceiver<Fall>) {
    let mut under_way = FuturesUnordered::new();
    poll_fn(|cx| {
        while let Poll::Ready(Some(fall)) = falls.poll_recv(cx) {
            under_way.push(clear_up(fleet, fall));
        }
        while let Poll::Ready(Some(())) = Pin::new(&mut under_way).poll_next_unpin(cx) {}
        Poll::<()>::Pending
    })
    .await;
}

async fn clear_up(fleet: &Fleet, fall: Fall) {
    fleet.crash(&fall.host, fall.crash).await;
    let Some(time) = fall.down_for else { return };
    tokio::time::sleep(time).await;
    fleet.boot(&fall.host).await;
    fleet.came_back(&fall.host);
}
