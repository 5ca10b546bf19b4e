//! Why a command cannot go on.

use std::path::Path;

use deadzone_reports::{Complaint, Look};
use deadzone_script::Errors;

use crate::output;

/// One clear error, with the place and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The command line makes no sense.
    Usage(String),
    /// Something is missing, broken or not writable, or the harness failed.
    Harness {
        message: String,
        /// The file that it is about.
        file: Option<String>,
    },
    /// A script cannot be run.
    Script { file: String, errors: Errors },
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl Stop {
    pub(crate) fn usage(message: impl Into<String>) -> Stop {
        Stop::Usage(message.into())
    }

    pub(crate) fn harness(message: impl Into<String>) -> Stop {
        Stop::Harness { message: message.into(), file: None }
    }

    /// The harness's, about a file.
    pub(crate) fn file(file: &Path, message: impl Into<String>) -> Stop {
        Stop::Harness { message: message.into(), file: Some(file.display().to_string()) }
    }

    /// The exit status that it leads to.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Stop::Usage(_) => crate::STATUS_USAGE,
            Stop::Harness { .. } | Stop::Script { .. } => crate::STATUS_ERROR,
            Stop::Interrupted => crate::STATUS_INTERRUPTED,
        }
    }

    /// For people; ends with a line end.
    pub(crate) fn text(&self) -> String {
        match self {
            Stop::Usage(message) | Stop::Harness { message, .. } => format!("error: {message}\n"),
            Stop::Script { file, errors } => errors.render(file, output::error_look() == Look::Coloured),
            Stop::Interrupted => "interrupted\n".to_owned(),
        }
    }

    /// For programs. Of several errors in a script, the first.
    pub(crate) fn complaint(&self) -> Complaint {
        match self {
            Stop::Usage(message) => Complaint { message: message.clone(), file: None, line: None },
            Stop::Harness { message, file } => {
                Complaint { message: message.clone(), file: file.clone(), line: None }
            }
            Stop::Script { file, errors } => {
                let first = errors.first();
                let help = first.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
                let message = format!("{}{help}", first.message);
                Complaint { message, file: Some(file.clone()), line: Some(first.line) }
            }
            Stop::Interrupted => Complaint { message: "interrupted".to_owned(), file: None, line: None },
        }
    }
}
