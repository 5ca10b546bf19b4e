//! One life of a host's process, from a start to a crash, and its tasks.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use tokio::task::AbortHandle;

use crate::host::HostId;
use crate::slab::{Key, Slab};

/// One life of a host's process.
pub(crate) struct Incarnation {
    host: HostId,
    number: u32,
    is_alive: AtomicBool,
    tasks: Mutex<Tasks>,
}

struct Tasks {
    /// The handle is missing until the task is known to the runtime.
    handles: Slab<Option<AbortHandle>>,
    /// Who waits for all of them to be gone.
    waiting: Vec<Waker>,
}

impl Incarnation {
    pub(crate) const fn new(host: HostId, number: u32) -> Incarnation {
        let tasks = Tasks { handles: Slab::new(), waiting: Vec::new() };
        Incarnation { host, number, is_alive: AtomicBool::new(true), tasks: Mutex::new(tasks) }
    }

    pub(crate) const fn host(&self) -> HostId {
        self.host
    }

    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.is_alive.load(Ordering::Relaxed)
    }

    pub(crate) fn end(&self) {
        self.is_alive.store(false, Ordering::Relaxed);
    }

    /// Runs `future` as a task that ends with this incarnation. `on_panic` is given the message
    /// of a panic.
    pub(crate) fn spawn<F>(
        self: &Arc<Self>,
        runtime: &tokio::runtime::Handle,
        future: F,
        on_panic: impl FnOnce(String) + Send + 'static,
    ) where
        F: Future<Output: Send> + Send + 'static,
    {
        if !self.is_alive() {
            return;
        }
        let key = self.tasks().handles.insert(None);
        let entry = Entry { incarnation: self.clone(), key };
        let task = runtime.spawn(async move {
            // Declared before the future, so dropped after it: a task counts as gone when its
            // future is.
            let _entry = entry;
            let mut future = pin!(future);
            let outcome = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(poll) => poll.map(|_| Ok(())),
                Err(panic) => Poll::Ready(Err(message_of(&*panic))),
            });
            if let Err(message) = outcome.await {
                on_panic(message);
            }
        });
        // A runtime that is shutting down has dropped the task already, and its entry.
        if let Some(handle) = self.tasks().handles.get_mut(key) {
            *handle = Some(task.abort_handle());
        }
    }

    /// Aborts all tasks and waits until they are dropped.
    pub(crate) async fn abort_tasks(&self) {
        let handles: Vec<_> = {
            let tasks = self.tasks();
            tasks
                .handles
                .keys()
                .into_iter()
                .filter_map(|key| tasks.handles.get(key).cloned().flatten())
                .collect()
        };
        handles.iter().for_each(AbortHandle::abort);
        drop(handles);
        poll_fn(|cx| {
            let mut tasks = self.tasks();
            if tasks.handles.len() == 0 {
                return Poll::Ready(());
            }
            tasks.waiting.push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// No code of others runs under this lock, so that it cannot be poisoned; and if it were,
    /// a second panic in a destructor would only hide the first.
    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Stands for a task as long as its future exists.
struct Entry {
    incarnation: Arc<Incarnation>,
    key: Key,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut tasks = self.incarnation.tasks();
        let handle = tasks.handles.remove(self.key);
        let all_gone = tasks.handles.len() == 0;
        let waiting = if all_gone { std::mem::take(&mut tasks.waiting) } else { Vec::new() };
        drop(tasks);
        waiting.into_iter().for_each(Waker::wake);
        drop(handle);
    }
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        return (*text).to_owned();
    }
    panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic without a message".to_owned())
}
