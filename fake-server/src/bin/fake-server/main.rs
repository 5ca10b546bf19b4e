//! The reference server as a process of its own: real sockets, a real clock, a file.
//!
//! Everything that it does stands in the library; here are only its arguments ([`args`]) and
//! the system as an environment ([`system`]).

mod args;
mod system;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use deadzone_contract::seam::ServerStart;
use deadzone_server::ReferenceServer;
use tokio::net::TcpListener;

use args::Args;

/// The command line asks for something impossible.
const EXIT_USAGE: u8 = 64;
/// The system said no: the port is taken, the database cannot be opened.
const EXIT_SYSTEM: u8 = 3;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // A closed pipe is no reason to fail at printing.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(EXIT_USAGE),
            };
        }
    };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&format!("the runtime does not start: {error}")),
    };
    match runtime.block_on(serve(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => failed(&message),
    }
}

fn failed(message: &str) -> ExitCode {
    eprintln!("error: {message}");
    ExitCode::from(EXIT_SYSTEM)
}

/// Serves until it is interrupted. The error is for people.
async fn serve(args: Args) -> Result<(), String> {
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
    let address = listener.local_addr().map_err(|error| format!("the socket has no address: {error}"))?;
    let start = ServerStart {
        parameters: args.parameters(),
        passwords: args.users.into_iter().collect(),
        grants: args.grants,
        operator_token: args.operator_token,
    };
    let router = ReferenceServer::new(args.defect.map(|defect| defect.policy()).unwrap_or_default())
        .in_model(args.model)
        .router(start, system::env(args.db.clone()))
        .await
        .map_err(|error| format!("{}: {error}", args.db.display()))?;
    // Whoever started it on port 0 reads the port here. A closed pipe is no reason to end.
    let mut out = io::stdout();
    let _ = writeln!(out, "listening on http://{address}").and_then(|()| out.flush());
    axum::serve(listener, router)
        .with_graceful_shutdown(interrupted())
        .await
        .map_err(|error| format!("the server stopped: {error}"))
}

async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Without a handler the system ends the process by itself.
        std::future::pending::<()>().await;
    }
}
