//! Panics of the code under test: findings, not failures of the harness.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, PanicHookInfo};
use std::sync::Once;

use deadzone_trace::Event;
use futures_util::FutureExt;

thread_local! {
    /// What the last panic of this thread said and where; `None` outside a world.
    static LAST: RefCell<Option<(String, String)>> = const { RefCell::new(None) };
    static IN_WORLD: RefCell<bool> = const { RefCell::new(false) };
}

static HOOK: Once = Once::new();

/// Makes this thread a world's: its panics are kept for [`caught`] instead of being printed.
pub(crate) fn enter_world() {
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !keep(info) {
                before(info);
            }
        }));
    });
    IN_WORLD.with(|flag| *flag.borrow_mut() = true);
}

fn keep(info: &PanicHookInfo<'_>) -> bool {
    if !IN_WORLD.with(|flag| *flag.borrow()) {
        return false;
    }
    let message = info.payload_as_str().unwrap_or("a panic without words").to_owned();
    let location = info.location().map(|at| format!("{}:{}", short(at.file()), at.line()));
    LAST.with(|last| *last.borrow_mut() = Some((message, location.unwrap_or_default())));
    true
}

/// The end of a path, so that it is the same wherever the code was built.
fn short(path: &str) -> String {
    let parts: Vec<&str> = path.split(['/', '\\']).collect();
    let from =
        parts.iter().rposition(|part| *part == "src").map_or(parts.len() - 1, |at| at.saturating_sub(1));
    parts[from..].join("/")
}

/// What the last panic of this thread was, as an event.
pub(crate) fn last_panic() -> Event {
    let (message, location) = LAST.with(|last| last.borrow_mut().take()).unwrap_or_default();
    Event::Panicked { message, location }
}

/// Runs code under test. A panic ends it and comes back as an event.
pub(crate) async fn caught<T>(code: impl Future<Output = T>) -> Result<T, Event> {
    AssertUnwindSafe(code).catch_unwind().await.map_err(|_| last_panic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_does_not_tell_where_it_was_built() {
        assert_eq!(short("/home/ana/deadzone/harness/client/src/call.rs"), "client/src/call.rs");
        assert_eq!(short("harness\\client\\src\\call.rs"), "client/src/call.rs");
        assert_eq!(short("main.rs"), "main.rs");
    }
}
