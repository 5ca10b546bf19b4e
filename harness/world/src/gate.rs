//! Sleep of a whole machine: what runs on it stands still, and the wall clock goes on.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

/// Stands between a machine's tasks and those who poll them.
#[derive(Default)]
pub(crate) struct Gate {
    /// Whether there is something to look at in the state, which is asked at every poll.
    is_closed: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    asleep_since: Option<Instant>,
    slept: Duration,
    waiting: Vec<Waker>,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics here")
    }

    pub(crate) fn is_asleep(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Nothing on the machine runs from now on.
    pub(crate) fn close(&self) {
        self.lock().asleep_since.get_or_insert_with(Instant::now);
        self.is_closed.store(true, Ordering::Relaxed);
    }

    /// Everything goes on. Does nothing to a machine that is awake.
    pub(crate) fn open(&self) {
        let waiting = {
            let mut state = self.lock();
            let Some(since) = state.asleep_since.take() else { return };
            self.is_closed.store(false, Ordering::Relaxed);
            state.slept += since.elapsed();
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// How long the machine has slept in all.
    pub(crate) fn slept(&self) -> Duration {
        let state = self.lock();
        state.slept + state.asleep_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Whether a task may be polled now; if not, it will be when the machine wakes up.
    fn lets_through(&self, cx: &Context<'_>) -> bool {
        let is_closed = self.is_asleep();
        if is_closed {
            self.lock().waiting.push(cx.waker().clone());
        }
        !is_closed
    }

    /// Runs `task` while the machine is awake.
    pub(crate) async fn behind<T>(&self, task: impl Future<Output = T>) -> T {
        let mut task = pin!(task);
        poll_fn(|cx| if self.lets_through(cx) { task.as_mut().poll(cx) } else { Poll::Pending }).await
    }

    /// Sleeps for `time` of the machine's own: what it sleeps through does not count.
    pub(crate) async fn sleep(&self, time: Duration) {
        let slept_before = self.slept();
        let began = Instant::now();
        loop {
            let missed = self.slept() - slept_before;
            let left = (began + time + missed).saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left).await;
        }
    }
}
