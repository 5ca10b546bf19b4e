//! Runs the built binary in a folder of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder that the binary runs in, so that nothing it writes goes astray.
pub(crate) struct Place {
    pub(crate) home: TempDir,
}

/// What a command came to.
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Place {
        Place { home: tempfile::tempdir().expect("a temporary folder") }
    }

    /// The command line `deadzone ARGS`, here.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.binary(Path::new(env!("CARGO_BIN_EXE_deadzone")), args)
    }

    /// The command line of another binary, here.
    pub(crate) fn binary(&self, binary: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(binary);
        command.args(args).current_dir(self.home.path());
        for variable in ["CLICOLOR", "CLICOLOR_FORCE", "NO_COLOR"] {
            command.env_remove(variable);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args))
    }

    /// Every file in a folder, by name.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path(folder)) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|e| e.expect("an entry").file_name().into_string().expect("a plain name")).collect();
        names.sort();
        names
    }

    /// A small script that passes, with `lines` behind its first one; the name of its file.
    pub(crate) fn script(&self, name: &str, lines: &[&str]) -> String {
        let text = format!(
            "scenario small\n{}\nworkspace home: ana editor\ndevice phone: ana\n\n\
             phone create project/p title=\"House\"\nsettle\n",
            lines.join("\n")
        );
        std::fs::write(self.path(name), text).expect("a file");
        name.to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The words of a run with this place left out of them.
    pub(crate) fn tidy(&self, text: &str) -> String {
        text.replace(&self.home.path().display().to_string(), "HOME").replace(&data(""), "DATA/")
    }
}

pub(crate) fn finish(mut command: Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    Ran {
        status: status.code().unwrap_or(-1),
        out: String::from_utf8(stdout).expect("text"),
        err: String::from_utf8(stderr).expect("text"),
    }
}

/// A file of this test's data.
pub(crate) fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}
