//! Giving way to other tasks.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Goes to the end of the queue of ready tasks, `count` times.
pub const fn yields(count: u64) -> Yields {
    Yields { left: count }
}

/// Made by [`yields`].
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Yields {
    left: u64,
}

impl Future for Yields {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.left == 0 {
            return Poll::Ready(());
        }
        self.left -= 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
