//! The server as a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fake-server"));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = command(arguments).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Ends the process when the test does, however it does.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn request(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_serves_the_contract_over_a_socket_and_keeps_it_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("server.db");
    let db = db.to_str().unwrap();
    let arguments = ["--listen=127.0.0.1:0", "--db", db, "--user=ana:secret", "--grant=home:ana:editor"];
    let mut server = Running(command(&arguments).spawn().unwrap());
    let mut line = String::new();
    BufReader::new(server.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").expect(&line);

    let body = r#"{"grant":"password","user":"ana","password":"secret"}"#;
    let answer = request(
        address,
        &format!(
            "POST /auth/token HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains(r#""roles":{"home":"editor"}"#), "{answer}");

    let (code, error) = run(&["--listen", address, "--db", db]);
    assert_eq!(code, Some(3));
    assert!(error.starts_with(&format!("error: cannot listen on {address}: ")), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");

    let (code, error) = run(&["--listen=127.0.0.1:0", "--db", db]);
    assert_eq!(code, Some(3));
    assert_eq!(error, format!("error: {db}: the server's database cannot be used: database is locked\n"));
}

#[test]
fn a_bad_argument_is_told_and_help_is_given() {
    let (code, error) = run(&["--grant=home:ana:king"]);
    assert_eq!(code, Some(64));
    assert!(error.contains("`king` is not a role; there are viewer, editor and admin"), "{error}");

    let output = command(&["--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    for word in ["--listen", "--grant", "tombstone_horizon", "base-version-ignored", "Exit status"] {
        assert!(help.contains(word), "{word}: {help}");
    }
}

#[test]
fn a_taken_port_is_found_before_the_database_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let db = folder.path().join("server.db");
    let address = taken.local_addr().unwrap().to_string();
    let (code, _) = run(&["--listen", &address, "--db", db.to_str().unwrap()]);
    assert_eq!((code, db.exists()), (Some(3), false));
}
