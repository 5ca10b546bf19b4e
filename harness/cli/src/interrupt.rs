//! Ctrl-C.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that Ctrl-C sets. The second Ctrl-C ends the process at once; its workers end with it,
/// because they see their standard input end. Where the system has no such signals the flag is
/// never set.
pub(crate) fn flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&flag);
    let waiting = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let Ok(runtime) = runtime else { return };
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if set.swap(true, Ordering::Relaxed) {
                    std::process::exit(crate::STATUS_INTERRUPTED.into());
                }
            }
        });
    };
    // Without the thread, Ctrl-C ends the process in the system's own way.
    let _ = std::thread::Builder::new().name("ctrl-c".to_owned()).spawn(waiting);
    flag
}
