//! Files that are there whole or not at all.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::stop::Stop;

/// Reads a file that somebody named.
pub(crate) fn read(path: &Path) -> Result<String, Stop> {
    fs::read_to_string(path).map_err(|error| {
        let way_out = match error.kind() {
            io::ErrorKind::NotFound => "; is the path right?",
            io::ErrorKind::InvalidData => "; scripts are UTF-8 text",
            _ => "",
        };
        Stop::file(path, format!("cannot read {}: {}{way_out}", path.display(), reason(&error)))
    })
}

/// Writes a file, with the folders that it needs: under a name of its own first, so that nobody
/// ever sees half of it. What is there and is no plain file, such as `/dev/stdout` or a pipe, is
/// written to as it is: a rename would put a file in its place.
pub(crate) fn write(path: &Path, text: &[u8]) -> Result<(), Stop> {
    if path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return fs::write(path, text).map_err(|error| cannot_write(path, &error));
    }
    let folder = folder_of(path);
    fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error))?;
    let mut draft = Draft::new(path).map_err(|error| cannot_write(path, &error))?;
    draft.finish(text, path).map_err(|error| cannot_write(path, &error))
}

/// Whether files can be written into a folder that may not exist yet; leaves nothing behind.
pub(crate) fn check_folder(folder: &Path) -> Result<(), Stop> {
    let absolute = std::path::absolute(folder).map_err(|error| cannot_write(folder, &error))?;
    let existing = absolute.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(&absolute);
    if !existing.is_dir() {
        let taken = existing.display();
        let message =
            format!("cannot write into {}: {taken} is not a folder; name another place", folder.display());
        return Err(Stop::file(folder, message));
    }
    Draft::new(&existing.join("deadzone")).map(drop).map_err(|error| cannot_write(folder, &error))
}

/// Whether a file can be written; leaves nothing behind.
pub(crate) fn check_file(path: &Path) -> Result<(), Stop> {
    if path.is_dir() {
        return Err(Stop::file(path, format!("cannot write {}: it is a folder", path.display())));
    }
    check_folder(folder_of(path))
}

/// The folder that a file is in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn cannot_write(place: &Path, error: &io::Error) -> Stop {
    Stop::file(place, format!("cannot write {}: {}", place.display(), reason(error)))
}

/// The system's words without its number.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// A file that is not finished; goes away unless it is.
struct Draft {
    path: PathBuf,
    file: fs::File,
}

impl Draft {
    fn new(target: &Path) -> io::Result<Draft> {
        let mut name = OsString::from(".");
        name.push(target.file_name().ok_or(io::ErrorKind::InvalidFilename)?);
        name.push(format!(".{}.tmp", std::process::id()));
        let path = target.with_file_name(name);
        let file = fs::File::create(&path)?;
        Ok(Draft { path, file })
    }

    fn finish(&mut self, text: &[u8], target: &Path) -> io::Result<()> {
        self.file.write_all(text)?;
        fs::rename(&self.path, target)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // A finished draft has another name by now.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("the folder exists");
        entries.map(|e| e.expect("an entry").file_name().into_string().expect("plain")).collect()
    }

    #[test]
    fn a_file_is_written_with_its_folders_and_replaced_as_a_whole() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let path = home.path().join("a/b/c.scn");
        write(&path, b"one").expect("written");
        write(&path, b"two").expect("written again");
        assert_eq!(read(&path).expect("just written"), "two");
        assert_eq!(names(&home.path().join("a/b")), ["c.scn"]);
    }

    #[test]
    fn a_failure_leaves_nothing_behind_and_names_the_place() {
        let home = tempfile::tempdir().expect("a temporary folder");
        let target = home.path().join("taken");
        fs::create_dir(&target).expect("a folder in the way");
        let error = write(&target, b"text").expect_err("a folder is in the way").text();
        assert!(error.contains("taken"), "{error}");
        assert_eq!(names(home.path()), ["taken"]);
    }

    #[test]
    fn checking_a_folder_does_not_make_it() {
        let home = tempfile::tempdir().expect("a temporary folder");
        check_folder(&home.path().join("x/y")).expect("it could be made");
        assert_eq!(names(home.path()), [""; 0]);
        fs::write(home.path().join("file"), "").expect("a file");
        let error = check_folder(&home.path().join("file/out")).expect_err("a file is in the way").text();
        assert!(error.contains("is not a folder"), "{error}");
    }
}
