//! What users write.
//!
//! Words are unique where the type allows it, so that whatever turns up somewhere can be told from
//! everything else; tags are few, because adding what was taken away is the hard case of a set.

const TITLES: &[&str] = &[
    "Buy milk",
    "Paint the door",
    "Call the plumber",
    "Read the meter",
    "Water the plants",
    "Book the train",
];
const STATUSES: &[&str] = &["open", "started", "blocked", "finished"];
const DAYS: &[&str] = &["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const TEXTS: &[&str] = &["Take the small ladder", "Ask at the counter", "Mind the dog", "Not before noon"];

/// Words of no particular weight.
const TAGS: &[&str] = &["urgent", "garden", "later"];

/// What the custom merge chooses from.
pub(super) const PRIORITIES: &[&str] = &["low", "normal", "high", "urgent"];

/// Gives out words, none of them twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Words(usize);

impl Words {
    fn next(&mut self, of: &[&str]) -> String {
        self.0 += 1;
        format!("{} {}", of[self.0 % of.len()], self.0)
    }

    pub(super) fn title(&mut self) -> String {
        self.next(TITLES)
    }

    pub(super) fn status(&mut self) -> String {
        self.next(STATUSES).replace(' ', "-")
    }

    pub(super) fn day(&mut self) -> String {
        self.next(DAYS)
    }

    /// Another tag than the one before.
    pub(super) fn tag(&mut self) -> String {
        self.0 += 1;
        TAGS[self.0 % TAGS.len()].to_owned()
    }

    pub(super) fn text(&mut self) -> String {
        self.next(TEXTS)
    }
}
