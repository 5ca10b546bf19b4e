//! A trace as JSON Lines, and its digest.

use std::fmt;
use std::io::{self, BufRead, Write};

use sha2::{Digest as _, Sha256};

use crate::{Entry, Trace};

/// The SHA-256 of a trace's JSON Lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Why a file is not a trace.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It could not be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A line is not an event.
    #[error("line {line}: {source}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Entry {
    /// The entry as one line, without its end.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("an entry has string keys and no failing parts")
    }
}

impl Trace {
    /// The digest of the run.
    pub fn digest(&self) -> Digest {
        let mut hash = Sha256::new();
        let mut line = Vec::new();
        for entry in &self.entries {
            line.clear();
            serde_json::to_writer(&mut line, entry).expect("an entry has string keys and no failing parts");
            line.push(b'\n');
            hash.update(&line);
        }
        Digest(hash.finalize().into())
    }

    /// Writes one line an entry.
    ///
    /// # Errors
    /// Whatever `to` fails with.
    pub fn write(&self, to: &mut impl Write) -> io::Result<()> {
        self.entries.iter().try_for_each(|entry| writeln!(to, "{}", entry.to_line()))
    }

    /// Reads what [`Trace::write`] wrote.
    ///
    /// # Errors
    /// A failing source, or a line that is not an event.
    pub fn read(from: impl BufRead) -> Result<Trace, ReadError> {
        let mut trace = Trace::default();
        for (i, line) in from.lines().enumerate() {
            let entry =
                serde_json::from_str(&line?).map_err(|source| ReadError::Line { line: i + 1, source })?;
            trace.entries.push(entry);
        }
        Ok(trace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crash, Event};

    fn trace() -> Trace {
        let entry = |at_us, event| Entry { at_us, host: "phone".into(), event };
        Trace {
            entries: vec![
                entry(0, Event::HostUp { incarnation: 1 }),
                entry(1_500, Event::HostDown { crash: Crash::PowerLoss }),
            ],
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut text = Vec::new();
        trace().write(&mut text).expect("a vector takes everything");
        assert_eq!(
            String::from_utf8(text.clone()).expect("JSON is UTF-8"),
            "{\"at_us\":0,\"host\":\"phone\",\"event\":\"host-up\",\"incarnation\":1}\n\
             {\"at_us\":1500,\"host\":\"phone\",\"event\":\"host-down\",\"crash\":\"power-loss\"}\n"
        );
        assert_eq!(Trace::read(text.as_slice()).expect("just written"), trace());
    }

    #[test]
    fn the_digest_is_the_sha_256_of_the_written_bytes() {
        let mut text = Vec::new();
        trace().write(&mut text).expect("a vector takes everything");
        assert_eq!(trace().digest(), Digest(Sha256::digest(&text).into()));
        let mut other = trace();
        other.entries[1].at_us += 1;
        assert_ne!(trace().digest(), other.digest());
    }

    #[test]
    fn a_line_that_is_no_event_is_named() {
        let error = Trace::read("{\"at_us\":0,\"host\":\"a\",\"event\":\"healed\"}\n{}\n".as_bytes());
        assert!(error.expect_err("the second line is empty").to_string().starts_with("line 2: "));
    }
}
