//! What a script can do to the world, for `list faults`.

use serde::Serialize;

/// A fault as people learn it.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct FaultDoc {
    /// A line that brings it about.
    pub(crate) example: &'static str,
    /// What happens.
    pub(crate) about: &'static str,
    /// What has to have changed before a run counts it as having struck.
    pub(crate) struck: &'static str,
}

/// Every fault, in the order in which the language lists them.
pub(crate) const FAULTS: &[FaultDoc] = &[
    FaultDoc {
        example: "lose phone's next push",
        about: "the request never reaches the server",
        struck: "a request was dropped",
    },
    FaultDoc {
        example: "lose the answer to phone's next push",
        about: "the server commits, and nobody is told",
        struck: "the answer to a commit was dropped",
    },
    FaultDoc {
        example: "delay the answer to phone's next pull by 2m",
        about: "the answer comes late; past the client's timeout where no time is said",
        struck: "an answer was held back",
    },
    FaultDoc {
        example: "deliver phone's next push twice",
        about: "a middlebox repeats a request that the server has answered already",
        struck: "the server got the second copy",
    },
    FaultDoc {
        example: "execute phone's next push late by 90s",
        about: "the request waits somewhere until the client has given up, then the server gets it",
        struck: "the server committed it late",
    },
    FaultDoc {
        example: "answer phone's next push with 502",
        about: "a proxy answers with a page of HTML of its own, and the server sees nothing",
        struck: "a request was answered so",
    },
    FaultDoc {
        example: "partition phone | server",
        about: "nothing passes between two hosts, either way",
        struck: "a message was stopped",
    },
    FaultDoc {
        example: "cut phone -> server",
        about: "nothing passes from one host to another; the other way is open",
        struck: "a message was stopped",
    },
    FaultDoc {
        example: "loss phone 5%",
        about: "packets get lost both ways, which a stream shows as delay and at last as a timeout",
        struck: "a transmission was lost",
    },
    FaultDoc {
        example: "latency phone 400ms..2s",
        about: "every message takes that long, both ways",
        struck: "an exchange took longer than the device's own link explains",
    },
    FaultDoc {
        example: "bandwidth phone 10KB/s",
        about: "the line carries no more than that, both ways",
        struck: "an exchange's bytes needed longer than the device's own latency",
    },
    FaultDoc {
        example: "reset phone's connection after 300 bytes",
        about: "both ends see a reset in the middle of an answer",
        struck: "a connection was reset",
    },
    FaultDoc {
        example: "close phone's connection after 300 bytes",
        about: "the stream ends in good order in the middle of an answer",
        struck: "a connection was closed",
    },
    FaultDoc {
        example: "kill phone at its 7th disk operation for 2s",
        about: "the process dies there; so too `power loss`, and `after 25 acknowledged` or `after its 3rd pull`",
        struck: "the host went down",
    },
    FaultDoc {
        example: "fill phone's disk leaving 4096 bytes",
        about: "nothing that needs more room can be written",
        struck: "a write was refused",
    },
    FaultDoc {
        example: "fail phone's next disk write",
        about: "an operation of the disk (read, write, sync) is answered with an I/O error",
        struck: "an operation was answered so",
    },
    FaultDoc {
        example: "lie about phone's disk syncs",
        about: "the disk says that it has made things durable, and has not; outside the model",
        struck: "a power loss took something that the disk had called durable",
    },
    FaultDoc {
        example: "flip a bit of phone's disk",
        about: "one bit of the database changes, in the cache as on the medium; outside the model",
        struck: "a bit of the database was flipped",
    },
    FaultDoc {
        example: "cache answers",
        about: "a proxy keeps what the server answers to GET, and gives it to whoever asks for the same path",
        struck: "the proxy was told not to keep an answer, or gave one that it had kept",
    },
    FaultDoc {
        example: "jump phone's clock by -2h",
        about: "the wall clock of a device or of the server is set, as users and time servers do",
        struck: "two stamps stand in the wrong order because of it, or the server refuses one",
    },
];

#[cfg(test)]
mod tests {
    use deadzone_coverage::{KINDS, kind_of};
    use deadzone_script::{Act, Fault, parse};

    use super::*;

    /// The place of a fault in the list. A new fault does not compile until it is listed.
    fn place(fault: &Fault) -> usize {
        match fault {
            Fault::LoseRequest(..) => 0,
            Fault::LoseAnswer(..) => 1,
            Fault::DelayAnswer(..) => 2,
            Fault::DeliverTwice(..) => 3,
            Fault::ExecuteLate(..) => 4,
            Fault::ProxyPage(..) => 5,
            Fault::Partition { .. } => 6,
            Fault::Cut { .. } => 7,
            Fault::Loss { .. } => 8,
            Fault::Latency { .. } => 9,
            Fault::Bandwidth { .. } => 10,
            Fault::Reset { .. } => 11,
            Fault::Close { .. } => 12,
            Fault::Crash { .. } => 13,
            Fault::FillDisk { .. } => 14,
            Fault::FailDisk { .. } => 15,
            Fault::LyingDisk { .. } => 16,
            Fault::FlipBit { .. } => 17,
            Fault::CacheAnswers => 18,
            Fault::Jump { .. } => 19,
        }
    }

    #[test]
    fn every_fault_is_listed_with_an_example_that_parses() {
        for (at, doc) in FAULTS.iter().enumerate() {
            let text = format!(
                "scenario x\nworkspace home: ana editor\ndevice phone: ana\nfault {}\nphone sync\n",
                doc.example
            );
            let script = parse(&text).unwrap_or_else(|errors| panic!("{}", errors.render("x", false)));
            let (_, _, step) = script.steps().next().expect("a step");
            let Act::Fault(fault) = &step.act else { panic!("{} is no fault", doc.example) };
            assert_eq!(place(fault), at, "{}", doc.example);
        }
    }

    /// Coverage counts strikes by the words that a script has for a fault.
    #[test]
    fn coverage_knows_every_fault_by_its_words() {
        let other = "power loss on phone after 3 acknowledged";
        let examples = FAULTS.iter().map(|doc| doc.example).chain([other]);
        let mut kinds: Vec<usize> =
            examples.map(|text| kind_of(text).unwrap_or_else(|| panic!("{text} is of no kind"))).collect();
        kinds.sort_unstable();
        assert_eq!(kinds, (0..KINDS.len()).collect::<Vec<_>>(), "each kind has one example");
    }
}
