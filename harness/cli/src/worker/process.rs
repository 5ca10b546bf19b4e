//! The parent's side of one worker.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::protocol::{Done, Job, MARK, Word};
use crate::clock;
use crate::stop::Stop;

/// How long a worker may take until it is there.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often a waiting parent looks whether it is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How much of a worker's standard error is kept, in bytes.
const LAST_WORDS_MAX: usize = 4_096;
/// How long to wait for the last words of a dead process.
const LAST_WORDS_WITHIN: Duration = Duration::from_secs(2);

/// A run that took its process down or never ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// It did not end within the deadline; the process was killed.
    Spun(Duration),
    /// The process ended by itself.
    Aborted {
        /// How, in words.
        how: String,
        /// The last line that it wrote to standard error.
        last_words: Option<String>,
    },
}

/// A running worker process.
pub(super) struct Worker {
    child: Child,
    jobs: ChildStdin,
    lines: Receiver<String>,
    last_words: Receiver<Vec<u8>>,
}

impl Worker {
    /// Starts a worker and waits until it is there.
    pub(super) fn start(stop: &AtomicBool) -> Result<Worker, Stop> {
        let binary = std::env::current_exe().map_err(|error| cannot_start(&error))?;
        let mut worker = Worker::spawn(&binary).map_err(|error| cannot_start(&error))?;
        match worker.hear(READY_WITHIN, stop)? {
            Ok(Word::Ready) => Ok(worker),
            Ok(Word::Done(_)) => Err(Stop::harness("a worker answered before it was asked")),
            Err(Death::Spun(_)) => Err(Stop::harness(format!(
                "{} does not answer as a worker; does its `main` call `deadzone::main_with` first?",
                binary.display()
            ))),
            Err(Death::Aborted { how, last_words }) => {
                let words = last_words.map_or_else(String::new, |words| format!(": {words}"));
                Err(Stop::harness(format!("a worker process did not start, {how}{words}")))
            }
        }
    }

    fn spawn(binary: &PathBuf) -> io::Result<Worker> {
        let mut command = Command::new(binary);
        command.arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for the parent: it stops its workers itself, and must not take the death of
        // one for a finding.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let (jobs, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let jobs = jobs.expect("standard input is a pipe");
        let lines = read_lines(out.expect("standard output is a pipe"))?;
        let last_words = read_tail(err.expect("standard error is a pipe"))?;
        Ok(Worker { child, jobs, lines, last_words })
    }

    /// Gives a worker a job and waits for what comes of it. After a death it is of no use.
    pub(super) fn ask(
        &mut self,
        job: &Job,
        deadline: Duration,
        stop: &AtomicBool,
    ) -> Result<Result<Done, Death>, Stop> {
        let mut line = serde_json::to_string(job).expect("messages have string keys and no failing parts");
        line.push('\n');
        // A worker that is gone already is found by its silence.
        let _ = self.jobs.write_all(line.as_bytes()).and_then(|()| self.jobs.flush());
        match self.hear(deadline, stop)? {
            Ok(Word::Done(done)) => Ok(Ok(done)),
            Ok(Word::Ready) => Err(Stop::harness("a worker answered what it was not asked")),
            Err(death) => Ok(Err(death)),
        }
    }

    fn hear(&mut self, within: Duration, stop: &AtomicBool) -> Result<Result<Word, Death>, Stop> {
        let began = clock::now();
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(Stop::Interrupted);
            }
            let left = within.saturating_sub(began.elapsed());
            match self.lines.recv_timeout(left.min(LOOK_EVERY)) {
                Ok(line) => {
                    // Whatever else stands on standard output was printed by the code under test.
                    if let Some((_, word)) = line.split_once(MARK) {
                        let word = serde_json::from_str(word);
                        return word.map(Ok).map_err(|error| {
                            Stop::harness(format!("a worker said what nobody understands: {error}"))
                        });
                    }
                }
                Err(RecvTimeoutError::Timeout) if left.is_zero() => return Ok(Err(Death::Spun(within))),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(Err(self.autopsy())),
            }
        }
    }

    /// How a worker died that closed its standard output.
    fn autopsy(&mut self) -> Death {
        // It may have closed its output and live on.
        let _ = self.child.kill();
        let how = self.child.wait().map_or_else(|error| error.to_string(), how_it_ended);
        let tail = self.last_words.recv_timeout(LAST_WORDS_WITHIN).unwrap_or_default();
        let tail = String::from_utf8_lossy(&tail);
        Death::Aborted { how, last_words: telling_line(&tail) }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Both fail only where the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn cannot_start(error: &io::Error) -> Stop {
    Stop::harness(format!("cannot start a worker process: {error}"))
}

/// Reads lines beside everything else. A line that is not UTF-8 was printed by the code under
/// test.
fn read_lines(out: ChildStdout) -> io::Result<Receiver<String>> {
    let (sender, lines) = channel();
    let reading = move || {
        let mut out = BufReader::new(out);
        let mut line = Vec::new();
        while out.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                break;
            }
            line.clear();
        }
    };
    std::thread::Builder::new().name("worker output".to_owned()).spawn(reading)?;
    Ok(lines)
}

/// Reads everything and gives the end of it when the process is gone.
fn read_tail(mut err: ChildStderr) -> io::Result<Receiver<Vec<u8>>> {
    let (sender, tail) = channel();
    let reading = move || {
        let mut kept = Vec::new();
        let mut piece = [0; 1_024];
        while let Ok(read @ 1..) = err.read(&mut piece) {
            kept.extend_from_slice(&piece[..read]);
            let over = kept.len().saturating_sub(LAST_WORDS_MAX);
            kept.drain(..over);
        }
        // Nobody wants them where the worker ended as it should.
        let _ = sender.send(kept);
    };
    std::thread::Builder::new().name("worker errors".to_owned()).spawn(reading)?;
    Ok(tail)
}

/// The line of a dying process's standard error that tells most: the first one after the last
/// empty line.
fn telling_line(tail: &str) -> Option<String> {
    let last = tail.trim().rsplit("\n\n").next()?;
    let line = last.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(deadzone_reports::shorten(line, 200))
}

fn how_it_ended(status: ExitStatus) -> String {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        let name = match signal {
            4 => " (illegal instruction)",
            6 => " (abort)",
            7 => " (bus error)",
            8 => " (arithmetic error)",
            9 => " (killed)",
            11 => " (segmentation fault)",
            _ => "",
        };
        return format!("by signal {signal}{name}");
    }
    status.code().map_or_else(|| "for no known reason".to_owned(), |code| format!("with exit status {code}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_most_is_found() {
        let overflow = "\nthread 'world' (7) has overflowed its stack\nfatal runtime error: stack overflow\n";
        assert_eq!(telling_line(overflow).as_deref(), Some("thread 'world' (7) has overflowed its stack"));
        assert_eq!(telling_line("noise\n\nlast one\n").as_deref(), Some("last one"));
        assert_eq!(telling_line("\n \n"), None);
    }
}
