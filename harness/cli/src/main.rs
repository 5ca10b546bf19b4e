//! The `deadzone` binary: the library's command line with the clients and servers that come with
//! it.

use std::process::ExitCode;

use deadzone::Lineups;

/// With that of glibc a run takes longer (decision 6). Other systems keep their own.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    deadzone::main_with(Lineups::new())
}
