//! What is written where.
//!
//! Results go to standard output, errors and progress to standard error. Colours are for
//! terminals and respect `NO_COLOR`. A reader that went away is no error: the exit status still
//! tells how the command came out.

use std::io::{self, Write};
use std::path::Path;

use deadzone_reports::{Complaint, Look, error_document};

use crate::stop::Stop;

/// Writes a result. A reader that went away has read enough; that nothing could be written is an
/// error.
pub(crate) fn result(text: &str) -> Result<(), Stop> {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Stop::harness(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// Writes an error or a remark.
pub(crate) fn remark(text: &str) {
    let mut out = anstream::stderr();
    // Nowhere is left to complain.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// How results look.
pub(crate) fn look() -> Look {
    look_of(anstream::AutoStream::choice(&io::stdout()))
}

/// How errors look.
pub(crate) fn error_look() -> Look {
    look_of(anstream::AutoStream::choice(&io::stderr()))
}

fn look_of(choice: anstream::ColorChoice) -> Look {
    if choice == anstream::ColorChoice::Never { Look::Plain } else { Look::Coloured }
}

/// What the binary is called, for commands that people are to type.
pub(crate) fn program() -> String {
    let name = std::env::args_os().next();
    let name = name.as_deref().map(Path::new).and_then(Path::file_stem).and_then(|stem| stem.to_str());
    name.unwrap_or("deadzone").to_owned()
}

/// Tells why a command cannot go on; with `json` programs get their document all the same.
pub(crate) fn stop(stop: &Stop, json: bool) -> u8 {
    remark(&stop.text());
    if json {
        complain(&stop.complaint());
    }
    stop.status()
}

/// Writes the document of a command that came to nothing.
pub(crate) fn complain(complaint: &Complaint) {
    if let Err(unwritable) = result(&error_document(complaint)) {
        remark(&unwritable.text());
    }
}
