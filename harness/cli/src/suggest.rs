//! The nearest known name.

use strsim::damerau_levenshtein;

/// The most names that are listed where none is near.
const LISTED_MAX: usize = 4;

/// What [`nearest`] says, to be put behind a sentence.
pub(crate) fn help<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map_or_else(String::new, |help| format!("; {help}"))
}

/// What [`nearest`] says, and which list names all of them.
pub(crate) fn or_listed<'a>(word: &str, known: impl IntoIterator<Item = &'a str>, list: &str) -> String {
    let near = nearest(word, known).map_or_else(String::new, |near| near + " ");
    format!("{near}`deadzone list {list}` names all of them")
}

/// ``did you mean `phone`?``, or, where none is near and there are few, `there is A, B`; else
/// nothing.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    let near = |candidate: &str| {
        let letters = word.chars().count().max(candidate.chars().count());
        let distance = damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
        match distance {
            distance if distance <= letters.div_ceil(3) => Some(distance),
            // A part of a long name: further than any typing error.
            _ if word.len() >= 4 && candidate.contains(word) => Some(letters),
            _ => None,
        }
    };
    let nearest =
        known.iter().filter_map(|candidate| Some((near(candidate)?, *candidate))).min_by_key(|(far, _)| *far);
    match nearest {
        Some((_, name)) => Some(format!("did you mean `{name}`?")),
        None if (1..=LISTED_MAX).contains(&known.len()) => Some(format!("there is {}", known.join(", "))),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_suggested_and_few_far_ones_listed() {
        let known = ["reference", "tiny"];
        assert_eq!(help("refrence", known), "; did you mean `reference`?");
        assert_eq!(help("ref", known), "; there is reference, tiny");
        assert_eq!(help("x", []), "");
        let long = ["answer-lost-after-commit", "discard-after-a-lost-answer"];
        assert_eq!(help("answer-lost", long), "; did you mean `answer-lost-after-commit`?");
    }
}
