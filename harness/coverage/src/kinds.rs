//! Kinds of fault, told by the words that a script has for them.

/// Every kind of fault, in the order in which the language lists them.
pub const KINDS: &[&str] = &[
    "lose-request",
    "lose-answer",
    "delay-answer",
    "deliver-twice",
    "execute-late",
    "proxy-page",
    "partition",
    "cut",
    "loss",
    "latency",
    "bandwidth",
    "reset",
    "close",
    "kill",
    "power-loss",
    "fill-disk",
    "fail-disk",
    "lying-disk",
    "flip-bit",
    "cache",
    "jump-clock",
];

/// The kind of the fault that a script describes so: a place in [`KINDS`]. None for words that no
/// fault has.
pub fn kind_of(text: &str) -> Option<usize> {
    let kind = match text.split_once(' ')? {
        ("lose", rest) if rest.starts_with("the answer ") => "lose-answer",
        ("lose", _) => "lose-request",
        ("delay", _) => "delay-answer",
        ("deliver", _) => "deliver-twice",
        ("execute", _) => "execute-late",
        ("answer", _) => "proxy-page",
        ("partition", _) => "partition",
        ("cut", _) => "cut",
        ("loss", _) => "loss",
        ("latency", _) => "latency",
        ("bandwidth", _) => "bandwidth",
        ("reset", _) => "reset",
        ("close", _) => "close",
        ("kill", _) => "kill",
        ("power", _) => "power-loss",
        ("fill", _) => "fill-disk",
        ("fail", _) => "fail-disk",
        ("lie", _) => "lying-disk",
        ("flip", _) => "flip-bit",
        ("cache", _) => "cache",
        ("jump", _) => "jump-clock",
        _ => return None,
    };
    KINDS.iter().position(|known| *known == kind)
}

/// The first word of a fault's text that names one of `hosts`: the host that it is about.
pub(crate) fn host_in<'n>(text: &str, hosts: impl Iterator<Item = &'n str> + Clone) -> Option<usize> {
    let words = text.split(' ').map(|word| word.strip_suffix("'s").unwrap_or(word));
    words.into_iter().find_map(|word| hosts.clone().position(|host| host == word))
}
