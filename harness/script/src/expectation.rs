//! The text of an expectation.

use deadzone_trace::{Claim, Expectation, FieldClaim, Place};

use crate::print::Literal;
use crate::words::{BADGES, FIRING, SERVER, SILENT};

/// An expectation as a script writes it behind `expect`: `task/1 once, title="Final" everywhere`.
pub fn expectation_text(expectation: &Expectation) -> String {
    match &expectation.claim {
        Claim::Record { name, once, fields, place } => {
            let once = match (once, fields.is_empty()) {
                (false, _) => "",
                (true, true) => " once",
                (true, false) => " once,",
            };
            let fields: String = fields.iter().map(field_text).collect();
            format!("{name}{once}{fields} {}", place_text(place))
        }
        Claim::Absent { name, place } => format!("{name} absent {}", place_text(place)),
        Claim::Conflict { name, field, shown, devices } => {
            let not = if *shown { "" } else { "not " };
            format!("conflict {name}.{field} {not}shown on {}", devices.join(", "))
        }
        Claim::NoConflicts => String::from("no conflicts"),
        Claim::InTray { name, device, listed, because } => {
            let not = if *listed { "" } else { "not " };
            let because = because.map(|code| format!(" because {code}")).unwrap_or_default();
            format!("{name} {not}in {device}'s tray{because}")
        }
        Claim::Alert { firing } => format!("alert {}", if *firing { FIRING } else { SILENT }),
        Claim::TrayEmpty { device } => format!("{device}'s tray empty"),
        Claim::Badge { device, badge } => {
            let shown = BADGES.iter().find(|(_, known)| known == badge).map(|(name, _)| *name);
            format!("{device}'s badge {}", shown.expect("every badge has a word"))
        }
    }
}

fn field_text(claim: &FieldClaim) -> String {
    let sign = if claim.equal { "=" } else { "!=" };
    format!(" {}{sign}{}", claim.field, Literal(&claim.value))
}

fn place_text(place: &Place) -> String {
    match place {
        Place::Everywhere => String::from("everywhere"),
        Place::Server => format!("on {SERVER}"),
        Place::Devices(devices) => format!("on {}", devices.join(", ")),
    }
}
