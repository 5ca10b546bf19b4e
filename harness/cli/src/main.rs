//! The `deadzone` binary: the library's command line with the clients and servers that come with
//! it.

use std::process::ExitCode;

use deadzone::Lineups;

fn main() -> ExitCode {
    deadzone::main_with(Lineups::new())
}
