//! Which seeds to run.

use std::ops::RangeInclusive;

/// The most seeds of one command: a week of work for two cores.
pub(crate) const SEEDS_MAX: u64 = 10_000_000;
/// Where nothing is said.
pub(crate) const SEEDS_DEFAULT: RangeInclusive<u64> = 0..=19;

/// Reads `N` (0 to N, the end excluded) or `A..B`.
pub(crate) fn parse(text: &str) -> Result<RangeInclusive<u64>, String> {
    let (start, end) = match text.split_once("..") {
        Some((from, to)) => (number(from)?, number(to)?),
        None => (0, number(text)?),
    };
    match end.saturating_sub(start) {
        0 => Err(format!("the range is empty: it begins with {start}, and {end} is excluded")),
        n if n > SEEDS_MAX => Err(format!("that is {n} seeds; the most for one command are {SEEDS_MAX}")),
        _ => Ok(start..=end - 1),
    }
}

/// How many seeds there are in a range.
pub(crate) fn count(seeds: &RangeInclusive<u64>) -> usize {
    let seeds = (seeds.end() - seeds.start()).saturating_add(1);
    usize::try_from(seeds).unwrap_or(usize::MAX)
}

/// Reads one seed.
pub(crate) fn number(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(seed) if digits => Ok(seed),
        _ if digits => Err(format!("the seed is out of range: seeds are 0 to {}", u64::MAX)),
        _ => Err("a seed is a whole number such as 17, a range is written 0..500".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_ranges_exclude_their_end() {
        assert_eq!(parse("3"), Ok(0..=2));
        assert_eq!(parse("5..7"), Ok(5..=6));
        assert_eq!(parse("18446744073709551614..18446744073709551615"), Ok(u64::MAX - 1..=u64::MAX - 1));
    }

    #[test]
    fn ranges_know_their_size() {
        assert_eq!(count(&SEEDS_DEFAULT), 20);
        assert_eq!(count(&(u64::MAX..=u64::MAX)), 1);
    }

    #[test]
    fn what_makes_no_sense_says_why() {
        for (text, part) in [
            ("0", "the range is empty"),
            ("7..7", "the range is empty"),
            ("9..7", "the range is empty"),
            ("0..18446744073709551615", "the most for one command"),
            ("18446744073709551616", "out of range"),
            ("", "a whole number"),
            ("-1", "a whole number"),
            ("+1", "a whole number"),
            ("1..", "a whole number"),
            ("1..=3", "a whole number"),
            ("many", "a whole number"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
