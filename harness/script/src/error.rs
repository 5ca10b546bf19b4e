//! What is wrong with a script, where, and what was probably meant.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use winnow::error::ParserError;
use winnow::stream::{Location, Stream};

use crate::limits::PROBLEMS_MAX;

/// One thing that is wrong with the text of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line in the file, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// The bytes of the line that are to blame.
    pub span: Range<usize>,
    /// What is wrong: a sentence without its full stop.
    pub message: String,
    /// What was probably meant, or what would be right.
    pub help: Option<String>,
    /// The line; none where the file is too large to quote from.
    source: Option<String>,
}

/// What is wrong with the text of a script, in the order of its lines. At least one thing; after
/// [`PROBLEMS_MAX`] the parser stops looking for more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors(Vec<ParseError>);

impl ParseError {
    /// `index` counts lines from 0; `source` is that line.
    pub(crate) fn new(index: usize, source: &str, wrong: Wrong) -> ParseError {
        let before = source.get(..wrong.span.start).unwrap_or(source);
        ParseError {
            line: u32::try_from(index + 1).unwrap_or(u32::MAX),
            column: u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX),
            span: wrong.span,
            message: wrong.message,
            help: wrong.help,
            source: Some(source.to_owned()),
        }
    }

    /// Something that is wrong with the whole file.
    pub(crate) fn whole(message: String) -> ParseError {
        ParseError { line: 1, column: 1, span: 0..0, message, help: None, source: None }
    }

    fn render(&self, path: &str, renderer: &Renderer) -> String {
        let title = Level::ERROR.primary_title(&self.message);
        let mut report = match &self.source {
            Some(source) => title.element(
                Snippet::source(source.as_str())
                    .line_start(self.line as usize)
                    .path(path)
                    .annotation(AnnotationKind::Primary.span(self.span.clone())),
            ),
            None => Group::with_title(title).element(Origin::path(path)),
        };
        if let Some(help) = &self.help {
            report = report.element(Level::HELP.message(help));
        }
        renderer.render(&[report])
    }
}

impl Errors {
    /// `list` is not empty.
    pub(crate) fn new(mut list: Vec<ParseError>) -> Errors {
        list.truncate(PROBLEMS_MAX);
        Errors(list)
    }

    /// The first of them.
    pub fn first(&self) -> &ParseError {
        self.0.first().expect("there is at least one")
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &ParseError> {
        self.0.iter()
    }

    /// Text for people: for each error what is wrong, `path:line:column`, the line with the
    /// words underlined, and help. With ANSI colours if `color`. Ends with a line end.
    pub fn render(&self, path: &str, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for (i, error) in self.0.iter().enumerate() {
            text.push_str(if i == 0 { "" } else { "\n" });
            text.push_str(&error.render(path, &renderer));
            text.push('\n');
        }
        if self.0.len() == PROBLEMS_MAX {
            text.push_str(&format!("\nstopped after {PROBLEMS_MAX} errors\n"));
        }
        text
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)?;
        self.help.iter().try_for_each(|help| write!(f, " ({help})"))
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if i == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

/// Something wrong within one line, or within one of its words: `span` counts bytes from there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) span: Range<usize>,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Wrong {
    pub(crate) fn new(span: Range<usize>, message: impl Into<String>) -> Wrong {
        Wrong { span, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, help: impl Into<Option<String>>) -> Wrong {
        self.help = help.into();
        self
    }

    /// The same, `by` bytes further on.
    pub(crate) fn shift(mut self, by: usize) -> Wrong {
        self.span = self.span.start + by..self.span.end + by;
        self
    }
}

impl<I: Stream + Location> ParserError<I> for Wrong {
    type Inner = Wrong;

    fn from_input(input: &I) -> Wrong {
        let at = input.current_token_start();
        Wrong::new(at..at, "this cannot be read")
    }

    fn into_inner(self) -> Result<Wrong, Wrong> {
        Ok(self)
    }
}
