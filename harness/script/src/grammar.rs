//! The language on one page.

/// Every form of line with an example, on one page. The examples, read downwards, are a script
/// in canonical form.
pub fn grammar() -> &'static str {
    include_str!("grammar.txt")
}

#[cfg(test)]
mod tests {
    use super::grammar;
    use crate::parse;
    use crate::words::{BADGES, CLASSES, DECLARATIONS, FAULTS, HOST_VERBS, ROLES, STEPS, USER_VERBS};

    /// What stands in the column under `EXAMPLE`.
    fn examples() -> String {
        let mut column = None;
        let mut script = String::new();
        for line in grammar().lines() {
            if let Some(at) = line.find("EXAMPLE") {
                column = Some(at);
            } else if let Some((form, example)) = column.and_then(|at| line.split_at_checked(at)) {
                // Prose runs on without a gap before the column.
                if form.ends_with(' ') {
                    script.push_str(example);
                    script.push('\n');
                }
            }
        }
        script
    }

    #[test]
    fn the_examples_are_a_script_in_canonical_form() {
        let script = examples();
        let parsed = parse(&script).unwrap_or_else(|errors| panic!("{}", errors.render("grammar", false)));
        assert_eq!(parsed.to_string(), script);
    }

    #[test]
    fn every_word_of_the_language_is_on_the_page_and_every_fault_and_verb_has_an_example() {
        let script = examples();
        let has = |text: &str, word: &str| {
            text.split(|c: char| !c.is_alphanumeric() && c != '-').any(|w| w == word)
        };
        for word in [DECLARATIONS, STEPS, FAULTS, USER_VERBS, HOST_VERBS].concat() {
            assert!(has(&script, word), "no example has `{word}`");
        }
        let badges = BADGES.iter().map(|(word, _)| *word);
        for word in ROLES.iter().map(|(word, _)| *word).chain(badges).chain(CLASSES.iter().copied()) {
            assert!(has(grammar(), word), "the page does not have `{word}`");
        }
    }
}
