//! Which of many words stand in a text, where most of it is searched for the last few.
//!
//! The algorithm is that of Wu and Manber ("A fast algorithm for multi-pattern searching", 1994):
//! a window as long as the shortest word slides over the text, and the last bytes in it say by how
//! much it can slide without passing the beginning of a word. A word that was found is looked for
//! no more. On the disks of a run all words but a few tokens are found at once, and tokens are
//! long: most of a disk passes in steps of some thirty bytes.

use std::collections::BTreeSet;

/// How many bytes at the end of the window decide by how much it slides.
const TAIL: usize = 3;
/// Entries of the table of slides; a tail is hashed into it.
const SLIDES: usize = 1 << 12;

/// Words of at least [`Finder::WORD_LEN_MIN`] bytes, as far as they have not been found.
pub(crate) struct Finder<'w> {
    words: Vec<&'w str>,
    /// The places in `words` of those that were not found.
    sought: Vec<usize>,
    /// As long as the shortest word that is sought.
    window: usize,
    /// By how much the window slides, by the hash of its tail; 0: a word may begin at its start.
    slides: Box<[u8; SLIDES]>,
    /// What is sought, by the hash of the tail of its window: a run may have thousands of tokens.
    by_tail: BTreeSet<(usize, usize)>,
}

impl<'w> Finder<'w> {
    /// A shorter window would hardly slide.
    pub(crate) const WORD_LEN_MIN: usize = 6;

    pub(crate) fn new(words: impl Iterator<Item = &'w str>) -> Finder<'w> {
        let words: Vec<&str> = words.collect();
        debug_assert!(words.iter().all(|word| word.len() >= Finder::WORD_LEN_MIN));
        let sought = (0..words.len()).collect();
        let mut finder =
            Finder { words, sought, window: 0, slides: Box::new([0; SLIDES]), by_tail: BTreeSet::new() };
        finder.prepare();
        finder
    }

    /// The length of the longest word.
    pub(crate) fn longest(&self) -> usize {
        self.words.iter().map(|word| word.len()).max().unwrap_or(0)
    }

    /// Whether every word was found.
    pub(crate) fn is_done(&self) -> bool {
        self.sought.is_empty()
    }

    /// The words that were found, in the order in which they were given.
    pub(crate) fn into_found(self) -> Vec<String> {
        let mut sought = self.sought.into_iter().peekable();
        let is_found = |(at, _): &(usize, &str)| sought.next_if_eq(at).is_none();
        self.words.into_iter().enumerate().filter(is_found).map(|(_, word)| word.to_owned()).collect()
    }

    /// Makes the table for what is still sought.
    fn prepare(&mut self) {
        self.window = self.sought.iter().map(|at| self.words[*at].len()).min().unwrap_or(0);
        let furthest = (self.window + 1).saturating_sub(TAIL).min(u8::MAX.into());
        self.by_tail.clear();
        self.slides.fill(u8::try_from(furthest).expect("bounded above"));
        for at in &self.sought {
            let beginning = &self.words[*at].as_bytes()[..self.window];
            for (from, tail) in beginning.windows(TAIL).enumerate() {
                let slide = &mut self.slides[hash(tail)];
                let to_its_end = u8::try_from(self.window - TAIL - from).unwrap_or(u8::MAX);
                *slide = to_its_end.min(*slide);
            }
            self.by_tail.insert((hash(&beginning[self.window - TAIL..]), *at));
        }
    }

    /// Looks for words in a text.
    pub(crate) fn see(&mut self, text: &[u8]) {
        let mut start = 0;
        while !self.is_done()
            && let Some(tail) = text.get(start + self.window - TAIL..start + self.window)
        {
            let tail = hash(tail);
            let slide = usize::from(self.slides[tail]);
            if slide == 0 {
                self.find_at(&text[start..], tail);
            }
            start += slide.max(1);
        }
    }

    /// Strikes out the words that the text begins with, whose windows have a tail of this hash.
    fn find_at(&mut self, text: &[u8], tail: usize) {
        let alike = self.by_tail.range((tail, 0)..=(tail, usize::MAX)).map(|(_, at)| *at);
        let found: Vec<usize> = alike.filter(|at| text.starts_with(self.words[*at].as_bytes())).collect();
        if !found.is_empty() {
            self.sought.retain(|at| !found.contains(at));
            self.prepare();
        }
    }
}

/// Multiplicative hashing spreads the letters of a text, which differ in few bits.
fn hash(tail: &[u8]) -> usize {
    let number = u32::from_le_bytes([tail[0], tail[1], tail[2], 0]);
    (number.wrapping_mul(0x9E37_79B1) >> (u32::BITS - SLIDES.trailing_zeros())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(words: &[&str], texts: &[&[u8]]) -> Vec<String> {
        let mut finder = Finder::new(words.iter().copied());
        texts.iter().for_each(|text| finder.see(text));
        finder.into_found()
    }

    #[test]
    fn words_are_found_wherever_they_stand_and_however_they_overlap() {
        let words = ["Room No. 1", "Room No. 12", "oom No", "No. 12 is", "12 is blue", "is blue"];
        assert_eq!(found(&words, &[b"Room No. 12 is blue"]), words);
        assert_eq!(found(&words, &[b"Room No. 1"]), ["Room No. 1", "oom No"]);
        assert_eq!(found(&words, &[b"is blue", b"oom No. 12 i"]), ["oom No", "is blue"]);
        assert_eq!(found(&words, &[b"Room N", b"o. 12", b""]), [""; 0], "no text goes on in the next");
        assert_eq!(found(&[], &[b"Room"]), [""; 0]);
    }

    /// Against the plain way to look, over texts of few letters, in which everything overlaps.
    #[test]
    fn what_is_found_is_what_stands_there() {
        let mut state = 1_u64;
        let mut draw = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..2_000 {
            let mut text = |len: u64| (0..len).map(|_| char::from(b'a' + draw(3) as u8)).collect::<String>();
            let words: Vec<String> = (0..12).map(|at| text(6 + at % 7)).collect();
            let text = text(400);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let expected: Vec<&str> = words.iter().copied().filter(|word| text.contains(word)).collect();
            assert_eq!(found(&words, &[text.as_bytes()]), expected);
        }
    }

    #[test]
    fn a_long_word_is_found_though_a_slide_is_bounded() {
        let long = "x".repeat(300) + &"y".repeat(300);
        let text = "x".repeat(1_000) + &"y".repeat(1_000);
        assert_eq!(found(&[&long], &[text.as_bytes()]), std::slice::from_ref(&long));
        assert_eq!(found(&[&long], &[&text.as_bytes()[..1_299]]), [""; 0]);
    }
}
