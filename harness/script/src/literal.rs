//! Reads numbers with and without units.
//!
//! Each function takes one word and gives its value, or what is wrong with it; spans count from
//! the beginning of the word. [`crate::amount`] writes them.

use std::ops::Range;
use std::time::Duration;

use winnow::ascii::{digit0, digit1};
use winnow::combinator::{eof, opt, preceded, repeat, terminated};
use winnow::stream::LocatingSlice;
use winnow::token::{literal, one_of, rest, take_till};
use winnow::{Parser, Result};

use crate::amount::{RATES, Time, UNITS, ordinal_suffix};
use crate::error::Wrong;
use crate::limits::{TIME_MAX, TIME_MS_MAX};

type Input<'a> = LocatingSlice<&'a str>;

const TIME_HELP: &str = "a time is a number and a unit: 250ms, 12.5s, 1m30s, 2h or 30d";

/// A whole number from 0 to `most`. `what` names it: `a seed`.
pub(crate) fn whole(text: &str, what: &str, most: u64) -> Result<u64, Wrong> {
    let wrong =
        || Wrong::new(0..text.len(), format!("{what} is a whole number from 0 to {most}, not `{text}`"));
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong());
    }
    text.parse().ok().filter(|number| *number <= most).ok_or_else(wrong)
}

/// Whether a word is meant as a number, with or without a sign.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// A number with what stands behind it, as in `1`, `12.5s` and `5%`.
struct Measure<'a> {
    whole: &'a str,
    fraction: &'a str,
    unit: &'a str,
    unit_span: Range<usize>,
}

fn measure<'a>(input: &mut Input<'a>) -> Result<Measure<'a>, Wrong> {
    let number = (digit1, opt(preceded(literal("."), digit0)));
    let unit = take_till(0.., |c: char| c.is_ascii_digit() || c == '.').with_span();
    (number, unit)
        .map(|((whole, fraction), (unit, unit_span))| Measure {
            whole,
            fraction: fraction.unwrap_or(""),
            unit,
            unit_span,
        })
        .parse_next(input)
}

/// How exactly a number of units of `size` can be given in whole ones.
enum Exact {
    Is(u64),
    TooFine,
    TooLarge,
}

impl Measure<'_> {
    fn times(&self, size: u64) -> Exact {
        let fraction = self.fraction.trim_end_matches('0');
        if fraction.len() > 18 {
            return Exact::TooFine;
        }
        let scale = 10_u128.pow(u32::try_from(fraction.len()).expect("at most 18"));
        let parts = format!("{}{fraction}", self.whole).parse::<u128>().ok();
        let Some(total) = parts.and_then(|parts| parts.checked_mul(size.into())) else {
            return Exact::TooLarge;
        };
        if total % scale != 0 {
            return Exact::TooFine;
        }
        u64::try_from(total / scale).map_or(Exact::TooLarge, Exact::Is)
    }
}

/// A time: `250ms`, `12.5s`, `1m30s`, `2h`, `30d`. In whole ms, at most [`TIME_MAX`].
pub(crate) fn time_ms(text: &str) -> Result<u64, Wrong> {
    let whole = 0..text.len();
    let parts: Vec<Measure<'_>> = terminated(repeat(1.., measure), eof)
        .parse_next(&mut LocatingSlice::new(text))
        .map_err(|_: Wrong| Wrong::new(whole.clone(), format!("`{text}` is no time")).help(time_help()))?;
    let mut total = 0_u64;
    let mut last = u64::MAX;
    for part in &parts {
        let size = time_unit(part).map_err(|wrong| complete(wrong, text))?;
        if size >= last {
            let wrong = Wrong::new(whole, format!("the units of `{text}` are not in order"));
            return Err(wrong.help(String::from("the largest unit comes first, each once: 1h30m")));
        }
        last = size;
        let ms = match part.times(size) {
            Exact::Is(ms) => Some(ms),
            Exact::TooLarge => None,
            Exact::TooFine => {
                return Err(Wrong::new(whole, format!("`{text}` is finer than a millisecond")));
            }
        };
        match ms.and_then(|ms| total.checked_add(ms)).filter(|ms| *ms <= TIME_MS_MAX) {
            Some(sum) => total = sum,
            None => {
                let most = Time::of(TIME_MAX);
                return Err(Wrong::new(whole, format!("`{text}` is too long; the longest time is {most}")));
            }
        }
    }
    Ok(total)
}

/// [`time_ms`] as a duration.
pub(crate) fn time(text: &str) -> Result<Duration, Wrong> {
    time_ms(text).map(Duration::from_millis)
}

fn time_help() -> String {
    TIME_HELP.to_owned()
}

/// A unit that is missing is put to the blame of the whole word.
fn complete(wrong: Wrong, text: &str) -> Wrong {
    if wrong.span.is_empty() { Wrong { span: 0..text.len(), ..wrong } } else { wrong }
}

fn time_unit(part: &Measure<'_>) -> Result<u64, Wrong> {
    if let Some((_, size)) = UNITS.iter().find(|(name, _)| *name == part.unit) {
        return Ok(*size);
    }
    let meant = match part.unit.to_ascii_lowercase().as_str() {
        "" => {
            let message = format!("`{}` has no unit", part.whole);
            return Err(Wrong::new(part.unit_span.clone(), message).help(time_help()));
        }
        "ms" | "msec" | "msecs" | "millis" | "milliseconds" => "ms",
        "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        "h" | "hr" | "hrs" | "hour" | "hours" => "h",
        "d" | "day" | "days" => "d",
        _ => {
            let message = format!("there is no unit `{}`", part.unit);
            return Err(Wrong::new(part.unit_span.clone(), message).help(time_help()));
        }
    };
    let message = format!("there is no unit `{}`", part.unit);
    Err(Wrong::new(part.unit_span.clone(), message).help(format!("did you mean `{meant}`?")))
}

/// A time that may have a sign: `+3m`, `-2h`. In whole ms.
pub(crate) fn signed_ms(text: &str) -> Result<i64, Wrong> {
    let rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    let ms = time_ms(rest).map_err(|wrong| wrong.shift(text.len() - rest.len()))?;
    let ms = i64::try_from(ms).expect("bounded by TIME_MAX");
    Ok(if text.starts_with('-') { -ms } else { ms })
}

/// Two times with `..` between, or one for both: `400ms..2s`, `400ms`.
pub(crate) fn range(text: &str) -> Result<(Duration, Duration), Wrong> {
    match text.split_once("..") {
        None => time(text).map(|both| (both, both)),
        Some((min, max)) => {
            let max_at = text.len() - max.len();
            Ok((time(min)?, time(max).map_err(|wrong| wrong.shift(max_at))?))
        }
    }
}

/// A share: `5%`, `0.25%`. In hundredths of a percent, at most 10,000.
pub(crate) fn basis_points(text: &str) -> Result<u32, Wrong> {
    let wrong = |message| Wrong::new(0..text.len(), message);
    let part: Measure<'_> = terminated(measure, eof)
        .parse_next(&mut LocatingSlice::new(text))
        .ok()
        .filter(|part: &Measure<'_>| part.unit == "%")
        .ok_or_else(|| {
            wrong(format!("`{text}` is no share")).help(String::from("a share is in percent: 5% or 0.25%"))
        })?;
    match part.times(100) {
        Exact::Is(points @ 0..=10_000) => Ok(u32::try_from(points).expect("at most 10,000")),
        Exact::TooFine => Err(wrong(format!("`{text}` is finer than 0.01%"))),
        _ => Err(wrong(format!("`{text}` is more than 100%"))),
    }
}

/// A bandwidth: `10KB/s`. In bytes a second.
pub(crate) fn bytes_per_s(text: &str) -> Result<u64, Wrong> {
    let wrong = |message| Wrong::new(0..text.len(), message);
    let help = || String::from("a bandwidth is a whole number and a unit: 500B/s, 10KB/s or 2MB/s");
    let part: Measure<'_> = terminated(measure, eof)
        .parse_next(&mut LocatingSlice::new(text))
        .map_err(|_: Wrong| wrong(format!("`{text}` is no bandwidth")).help(help()))?;
    let Some((_, size)) = RATES.iter().find(|(name, _)| *name == part.unit) else {
        if part.unit.is_empty() {
            return Err(wrong(format!("`{text}` has no unit")).help(help()));
        }
        let message = format!("there is no unit `{}`", part.unit);
        return Err(Wrong::new(part.unit_span, message).help(help()));
    };
    match part.times(*size) {
        Exact::Is(rate) => Ok(rate),
        Exact::TooFine => Err(wrong(format!("`{text}` is finer than a byte a second"))),
        Exact::TooLarge => Err(wrong(format!("`{text}` is more than any link carries"))),
    }
}

/// How far from true a clock runs: `50ppm`, `-20ppm`.
pub(crate) fn ppm(text: &str) -> Result<i32, Wrong> {
    let sign = opt(one_of(['+', '-']));
    (sign, terminated(digit1.parse_to::<i32>(), literal("ppm")), eof)
        .parse_next(&mut LocatingSlice::new(text))
        .map(|(sign, ppm, _)| if sign == Some('-') { -ppm } else { ppm })
        .map_err(|_: Wrong| {
            let help = String::from("a drift is in whole parts per million: 50ppm or -20ppm");
            Wrong::new(0..text.len(), format!("`{text}` is no drift")).help(help)
        })
}

/// Which one: `next` is 1, `every` is 0, `2nd` is 2.
pub(crate) fn ordinal(text: &str) -> Result<u32, Wrong> {
    let help = || String::from("write `next`, `2nd`, `3rd`, `4th` and so on, or `every`");
    let wrong = |message| Wrong::new(0..text.len(), message);
    match text {
        "every" => return Ok(0),
        "next" => return Ok(1),
        _ => {}
    }
    let (number, suffix) = (digit1.parse_to::<u32>(), rest)
        .parse_next(&mut LocatingSlice::new(text))
        .map_err(|_: Wrong| wrong(format!("`{text}` does not say which one")).help(help()))?;
    match number {
        0 => Err(wrong(format!("`{text}` does not say which one")).help(help())),
        _ if suffix != ordinal_suffix(number) => {
            let right = format!("did you mean `{number}{}`?", ordinal_suffix(number));
            Err(wrong(format!("`{text}` does not say which one")).help(right))
        }
        _ => Ok(number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amount::{Ordinal, Rate, Share, Signed};

    #[test]
    fn times_are_read_and_written_exactly() {
        for (text, ms, canonical) in [
            ("0s", 0, "0s"),
            ("0ms", 0, "0s"),
            ("250ms", 250, "250ms"),
            ("1500ms", 1_500, "1.5s"),
            ("12.5s", 12_500, "12.5s"),
            ("12.050s", 12_050, "12.05s"),
            ("12.5000000000000000000000s", 12_500, "12.5s"),
            ("90s", 90_000, "1m30s"),
            ("1m0.25s", 60_250, "1m250ms"),
            ("1.5h", 5_400_000, "1h30m"),
            ("36h", 129_600_000, "1d12h"),
            ("36500d", TIME_MS_MAX, "36500d"),
        ] {
            assert_eq!(time_ms(text), Ok(ms), "{text}");
            assert_eq!(Time(ms).to_string(), canonical, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "s",
            "5",
            "5.s5",
            "5 s",
            "-5s",
            "5sec",
            "5S",
            "1s1m",
            "1s1s",
            "0.0001s",
            "1..2s",
            "36501d",
            "99999999999999999999999999999999999999999999d",
            "0.1111111111111111111111111111111111s",
            "é",
        ] {
            assert!(time_ms(text).is_err(), "{text}");
        }
        assert_eq!(time_ms("5sec").unwrap_err().span, 1..4);
    }

    #[test]
    fn signs_ranges_and_drifts() {
        assert_eq!(signed_ms("+3m"), Ok(180_000));
        assert_eq!(signed_ms("-2h"), Ok(-7_200_000));
        assert_eq!(Signed(-7_200_000).to_string(), "-2h");
        assert_eq!(Signed(0).to_string(), "+0s");
        assert_eq!(signed_ms("-2x").unwrap_err().span, 2..3);
        let range_ms = |min, max| Ok((Duration::from_millis(min), Duration::from_millis(max)));
        assert_eq!(range("400ms..2s"), range_ms(400, 2_000));
        assert_eq!(range("1s"), range_ms(1_000, 1_000));
        assert_eq!(range("400ms..2x").unwrap_err().span, 8..9);
        assert_eq!(ppm("-20ppm"), Ok(-20));
        assert_eq!(ppm("+50ppm"), Ok(50));
        assert!(ppm("50").is_err() && ppm("5000000000ppm").is_err() && ppm("1.5ppm").is_err());
    }

    #[test]
    fn shares_and_bandwidths() {
        for (text, points, canonical) in
            [("5%", 500, "5%"), ("0.25%", 25, "0.25%"), ("12.50%", 1_250, "12.5%"), ("100%", 10_000, "100%")]
        {
            assert_eq!(basis_points(text), Ok(points), "{text}");
            assert_eq!(Share(points).to_string(), canonical, "{text}");
        }
        assert!(["5", "100.01%", "0.001%", "-5%", "5%%"].iter().all(|text| basis_points(text).is_err()));
        for (text, rate, canonical) in
            [("10KB/s", 10_000, "10KB/s"), ("1.5KB/s", 1_500, "1500B/s"), ("1000B/s", 1_000, "1KB/s")]
        {
            assert_eq!(bytes_per_s(text), Ok(rate), "{text}");
            assert_eq!(Rate(rate).to_string(), canonical, "{text}");
        }
        assert!(["10", "10kb/s", "0.5B/s", "99999999999GB/s"].iter().all(|text| bytes_per_s(text).is_err()));
    }

    #[test]
    fn ordinals_have_their_endings() {
        for (text, n) in [("every", 0), ("next", 1), ("2nd", 2), ("3rd", 3), ("11th", 11), ("22nd", 22)] {
            assert_eq!(ordinal(text), Ok(n));
            assert_eq!(Ordinal(n).to_string(), text);
        }
        assert_eq!(ordinal("1st"), Ok(1));
        assert!(["2th", "0th", "second", "2", "-1st", "99999999999th"].iter().all(|t| ordinal(t).is_err()));
    }
}
