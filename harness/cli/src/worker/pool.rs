//! Several workers, taking job after job.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::process::{Death, Worker};
use super::protocol::{Done, Job};
use crate::stop::Stop;

/// What became of a job in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The worker says so.
    Done(Done),
    /// The worker could not say.
    Death(Death),
}

/// Worker processes, each started when it is first needed and replaced when it dies.
pub(crate) struct Pool {
    workers: Vec<Option<Worker>>,
    deadline: Duration,
    interrupted: Arc<AtomicBool>,
}

impl Pool {
    /// A pool of `size` workers; a run may take `deadline` of real time. Whoever sets
    /// `interrupted` stops it.
    pub(crate) fn new(size: usize, deadline: Duration, interrupted: Arc<AtomicBool>) -> Pool {
        let workers = (0..size.max(1)).map(|_| None).collect();
        Pool { workers, deadline, interrupted }
    }

    /// Runs jobs and hands over each result as it comes, until there are no more jobs or `each`
    /// has heard enough.
    ///
    /// # Errors
    /// Workers that cannot be started or understood, and Ctrl-C. What was done by then has been
    /// handed over.
    pub(crate) fn run(
        &mut self,
        jobs: impl Iterator<Item = Job> + Send,
        mut each: impl FnMut(Job, Ending) -> ControlFlow<()>,
    ) -> Result<(), Stop> {
        let enough = AtomicBool::new(false);
        let queue = Mutex::new(jobs);
        let (deadline, interrupted) = (self.deadline, &*self.interrupted);
        let mut first_error = Ok(());
        std::thread::scope(|scope| {
            let (sender, results) = mpsc::channel();
            for slot in &mut self.workers {
                let (sender, queue, enough) = (sender.clone(), &queue, &enough);
                scope.spawn(move || {
                    while !enough.load(Ordering::Relaxed) {
                        let job = queue.lock().expect("taking a job does not panic").next();
                        let Some(job) = job else { break };
                        let result = ask(slot, &job, deadline, interrupted);
                        let failed = result.is_err();
                        if sender.send((job, result)).is_err() || failed {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            for (job, result) in results {
                let heard_enough = match result {
                    Ok(ending) => each(job, ending).is_break(),
                    Err(stop) => {
                        first_error = std::mem::replace(&mut first_error, Ok(())).and(Err(stop));
                        true
                    }
                };
                if heard_enough {
                    enough.store(true, Ordering::Relaxed);
                }
            }
        });
        first_error
    }

    /// Runs one job.
    pub(crate) fn run_one(&mut self, job: &Job) -> Result<Ending, Stop> {
        ask(&mut self.workers[0], job, self.deadline, &self.interrupted)
    }
}

/// Asks the worker of a slot, which is started where there is none and buried where it dies.
fn ask(
    slot: &mut Option<Worker>,
    job: &Job,
    deadline: Duration,
    interrupted: &AtomicBool,
) -> Result<Ending, Stop> {
    let worker = match slot {
        Some(worker) => worker,
        None => slot.insert(Worker::start(interrupted)?),
    };
    match worker.ask(job, deadline, interrupted) {
        Ok(Ok(done)) => Ok(Ending::Done(done)),
        Ok(Err(death)) => {
            *slot = None;
            Ok(Ending::Death(death))
        }
        Err(stop) => {
            *slot = None;
            Err(stop)
        }
    }
}
