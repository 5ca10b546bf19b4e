//! The progress bar: on a terminal, and only there.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Runs that are done, of all; hidden where nobody watches.
pub(crate) struct Progress {
    bar: ProgressBar,
    failing: usize,
}

impl Progress {
    /// A bar for so many runs; none: as many as there is time for.
    pub(crate) fn new(runs: Option<usize>, wanted: bool) -> Progress {
        let watched = wanted && std::io::stderr().is_terminal();
        let target = if watched { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(runs.map(|runs| runs as u64), target);
        let template = match runs {
            Some(_) => "{bar:30} {pos} of {len} runs, {msg}{eta} left",
            None => "{spinner} {pos} runs, {msg}{elapsed} so far",
        };
        bar.set_style(ProgressStyle::with_template(template).expect("the template is well-formed"));
        bar.enable_steady_tick(Duration::from_millis(200));
        Progress { bar, failing: 0 }
    }

    /// One more run is done.
    pub(crate) fn done(&mut self, failed: bool) {
        if failed {
            self.failing += 1;
            self.bar.set_message(format!("{} failing, ", self.failing));
        }
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
