//! The nearest known word.

use strsim::damerau_levenshtein;

use crate::words::either;

/// The most candidates that are compared, so that an error in a huge script is told at once.
const COMPARED_MAX: usize = 1_000;

/// The most candidates that a help line lists where none of them is near.
const LISTED_MAX: usize = 8;

/// The candidate that `word` was most likely meant to be: at most a third of its letters
/// mistyped, or a part of it left out. The first of several that are equally near.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates.into_iter().take(COMPARED_MAX) {
        let known = candidate.to_lowercase();
        let letters = word.chars().count().max(known.chars().count());
        let distance = match damerau_levenshtein(&word, &known) {
            near if near <= (letters / 3).max(1) && near < letters => near,
            // `count` for `completed_count`: further than any typing error.
            _ if word.len() >= 4 && known.contains(&word) => letters,
            _ => continue,
        };
        if best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// ``did you mean `phone`?``
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(word, candidates).map(|known| format!("did you mean `{known}`?"))
}

/// ``did you mean `phone`?``, or else all the candidates if they are few: `WHAT `a`, `b` or `c``.
pub(crate) fn help<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
    what: &str,
) -> Option<String> {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    did_you_mean(word, candidates.iter().copied()).or_else(|| {
        (1..=LISTED_MAX).contains(&candidates.len()).then(|| format!("{what} {}", either(&candidates)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let fields = ["title", "assignee", "status", "due", "tags", "completed_count"];
        for (typed, meant) in [
            ("titel", Some("title")),
            ("Title", Some("title")),
            ("completed_conut", Some("completed_count")),
            ("count", Some("completed_count")),
            ("stauts", Some("status")),
            ("do", None),
            ("x", None),
            ("priority", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, fields), meant, "{typed}");
        }
    }

    #[test]
    fn the_first_of_equally_near_words_is_taken() {
        assert_eq!(nearest("phone3", ["phone1", "phone2"]), Some("phone1"));
    }

    #[test]
    fn few_candidates_are_listed_where_none_is_near() {
        assert_eq!(
            help("x", ["pr", "nightly"], "a suite is").as_deref(),
            Some("a suite is `pr` or `nightly`")
        );
        assert_eq!(help("x", [], "a suite is"), None);
    }
}
