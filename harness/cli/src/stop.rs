//! Why a command cannot go on.

/// One clear error, with the place and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The command line makes no sense.
    Usage(String),
    /// Something is missing, broken or not writable, or the harness failed.
    Harness(String),
    /// The same, with lines that are formatted already.
    Rendered(String),
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

impl Stop {
    pub(crate) fn usage(message: impl Into<String>) -> Stop {
        Stop::Usage(message.into())
    }

    pub(crate) fn harness(message: impl Into<String>) -> Stop {
        Stop::Harness(message.into())
    }

    /// The exit status that it leads to.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Stop::Usage(_) => crate::STATUS_USAGE,
            Stop::Harness(_) | Stop::Rendered(_) => crate::STATUS_ERROR,
            Stop::Interrupted => crate::STATUS_INTERRUPTED,
        }
    }

    /// For people; ends with a line end.
    pub(crate) fn text(&self) -> String {
        match self {
            Stop::Usage(message) | Stop::Harness(message) => format!("error: {message}\n"),
            Stop::Rendered(text) => text.clone(),
            Stop::Interrupted => "interrupted\n".to_owned(),
        }
    }
}
