//! Where draws come from.

use std::time::Duration;

/// Numbers that decide everything; once they run out, all are 0, so that fewer and smaller
/// numbers make a simpler script.
#[derive(Default)]
pub(crate) struct Dice<'a> {
    pub(crate) numbers: &'a [u32],
    /// Whether anything may be replaced by something that need not be legal.
    pub(crate) wild: bool,
}

impl Dice<'_> {
    pub(crate) fn draw(&mut self) -> u32 {
        let (first, rest) = self.numbers.split_first().unwrap_or((&0, &[]));
        self.numbers = rest;
        *first
    }

    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.draw() % bound
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize].clone()
    }

    /// Whether something rare happens that makes the script illegal, most of the time.
    pub(crate) fn goes_wild(&mut self) -> bool {
        self.wild && self.below(50) == 49
    }

    pub(crate) fn name(&mut self, from: &[String]) -> String {
        if self.goes_wild() { self.text() } else { self.pick(from) }
    }

    pub(crate) fn text(&mut self) -> String {
        let letters = "aZ9 -_#\"\\\n\r\t\u{7}\u{85}\u{a0}\u{2019}\u{201c}\u{feff}\u{1f600}=:,[]|+!>'./é";
        let letters: Vec<char> = letters.chars().collect();
        match self.below(4) {
            0 => {
                self.pick(&["open", "Final", "in", "everywhere", "3", "-3", "", "task/1", "#", "sync"]).into()
            }
            1 => "long".repeat(self.below(20) as usize),
            _ => (0..self.below(8)).map(|_| self.pick(&letters)).collect(),
        }
    }

    pub(crate) fn time(&mut self) -> Duration {
        let unit = self.pick(&[1, 10, 500, 1_000, 60_000, 3_600_000, 86_400_000]);
        let ms = u64::from(self.below(400)) * unit + u64::from(self.below(2));
        if self.goes_wild() { Duration::from_micros(ms << self.below(20)) } else { Duration::from_millis(ms) }
    }

    pub(crate) fn signed_ms(&mut self) -> i64 {
        let ms = self.time().as_millis() as i64;
        if self.below(2) == 0 { ms } else { -ms }
    }
}
