//! A runtime for one simulation.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use crate::{Draws, Net};

/// The simulated time allowed for a run has passed and its main future has not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HorizonReached {
    /// The simulated time that was allowed.
    pub horizon: Duration,
}

impl fmt::Display for HorizonReached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not finished within {:?} of simulated time", self.horizon)
    }
}

impl std::error::Error for HorizonReached {}

/// Runs one simulation on this thread, in simulated time: a current-thread runtime whose clock
/// is paused, a network, and the future that `main` makes of it. What is still running when
/// that ends is dropped.
///
/// # Errors
/// [`HorizonReached`] when the future has not ended after `horizon` of simulated time. The
/// horizon also keeps a runtime with nothing left to do from waiting in real time.
///
/// # Panics
/// Within another runtime, and when the future panics.
pub fn simulate<F: Future>(
    draws: Draws,
    horizon: Duration,
    main: impl FnOnce(Net) -> F,
) -> Result<F::Output, HorizonReached> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime without I/O needs nothing from the system");
    runtime.block_on(async {
        let net = Net::new(draws);
        let mut drive = pin!(net.drive());
        let mut main = pin!(main(net.clone()));
        let mut end = pin!(tokio::time::sleep(horizon));
        let turn = Arc::new(Turn::default());
        let waker = Waker::from(Arc::clone(&turn));
        poll_fn(|cx| {
            turn.outer.get_or_init(|| cx.waker().clone());
            // The driver is woken far more often than the rest.
            if turn.is_due.swap(false, Ordering::Relaxed) {
                let cx = &mut Context::from_waker(&waker);
                if let Poll::Ready(result) = main.as_mut().poll(cx) {
                    return Poll::Ready(Ok(result));
                }
                if end.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(Err(HorizonReached { horizon }));
                }
            }
            drive.as_mut().poll(cx).map(|()| unreachable!("the driver never ends"))
        })
        .await
    })
}

/// Whether the main future was woken, or has not begun. Its runtime polls it with one waker only.
struct Turn {
    is_due: AtomicBool,
    outer: OnceLock<Waker>,
}

impl Default for Turn {
    fn default() -> Turn {
        Turn { is_due: AtomicBool::new(true), outer: OnceLock::new() }
    }
}

impl Wake for Turn {
    fn wake(self: Arc<Turn>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Turn>) {
        self.is_due.store(true, Ordering::Relaxed);
        self.outer.get().expect("a waker is given out when there is an outer one").wake_by_ref();
    }
}
