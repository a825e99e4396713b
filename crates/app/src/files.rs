//! The only place that reads and writes files: configuration, certificates, what the system says of itself.

use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sink::Surroundings;

/// Largest file that is read, 16 MiB: that of a key store, which has the most. Configuration is a few KiB.
const FILE_BYTES_MAX: usize = sink::STORE_BYTES_MAX;

/// The whole file. Only regular files are opened: a pipe or a terminal could keep whoever reads it waiting for ever, and
/// paths come over REST too.
///
/// # Errors
///
/// What the system says, `FileTooLarge` above [`FILE_BYTES_MAX`], and `InvalidInput` for what is no regular file.
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    // Before, since already the opening of a pipe waits; after, since another may stand there by then.
    regular(&std::fs::metadata(&path)?)?;
    let file = File::open(path)?;
    regular(&file.metadata()?)?;
    whole(file)
}

fn regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let what = if metadata.is_dir() { "it is a folder, not a file" } else { "it is no regular file" };
    Err(io::Error::new(io::ErrorKind::InvalidInput, what))
}

/// The whole of what the command line names, which may be a pipe: `otlp2kafka check <(make-worker-properties)`.
///
/// # Errors
///
/// As [`read`], but for what is no regular file.
pub(crate) fn read_any(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    whole(File::open(path)?)
}

fn whole(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > FILE_BYTES_MAX {
        let why = format!("it has more than {} MiB", FILE_BYTES_MAX >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

/// The whole file as text; `None` when it is not there or is no text.
pub(crate) fn text(path: &Path) -> Option<String> {
    read(path).ok().and_then(|bytes| String::from_utf8(bytes).ok())
}

/// What the Kafka clients are shown: files, and of the variables those that say where credentials of AWS are.
pub(crate) fn surroundings() -> Surroundings {
    let variable = |name: &str| {
        let shown = name == "HOME" || name.starts_with("AWS_");
        std::env::var_os(name).filter(|_| shown).and_then(|value| value.into_string().ok())
    };
    Surroundings { variable: Arc::new(variable), ..Surroundings::files(Arc::new(|path: &str| read(path))) }
}

/// Where a path leads, with all links followed.
///
/// # Errors
///
/// What the system says, such as that nothing is there.
pub(crate) fn real(path: &Path) -> io::Result<PathBuf> {
    path.canonicalize()
}

/// What the system said, without Rust's "(os error N)".
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// Creates the folder with its parents, for good. Others on this machine may not look into it: definitions hold
/// passwords.
///
/// # Errors
///
/// What the system says.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = parent(path);
    if let Some(parent) = parent.filter(|parent| !parent.is_dir()) {
        create_folder(parent)?;
    }
    match DirBuilder::new().mode(PRIVATE_FOLDER).create(path) {
        // Somebody else has made it meanwhile.
        Err(_) if path.is_dir() => {}
        created => created?,
    }
    // Each of them is safe only once the one above it is.
    sync_folder_of(path)
}

/// Read and write, and with folders look into, for nobody but who runs this.
const PRIVATE_FILE: u32 = 0o600;
const PRIVATE_FOLDER: u32 = 0o700;

/// What is in a folder, by name; nothing when it is not there.
///
/// # Errors
///
/// What the system says.
pub(crate) fn in_folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// What [`replace`] leaves behind when the process ends in the middle of it.
const LEFT_OVER: &str = ".tmp";

/// Whether a file of that name was being written when the process ended.
pub(crate) fn is_left_over(name: &str) -> bool {
    name.ends_with(LEFT_OVER)
}

/// Puts a file with these bytes in the place of `path`, which others on this machine may not read. After a crash there is
/// the old one or the new one, and once this has returned the new one.
///
/// # Errors
///
/// What the system says; the old one is there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(LEFT_OVER);
    let new = PathBuf::from(name);
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(PRIVATE_FILE).open(&new)?;
    // One that was left behind keeps the mode that it had.
    file.set_permissions(Permissions::from_mode(PRIVATE_FILE))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&new, path)?;
    sync_folder_of(path)
}

/// Removes a file for good; it is no error when it is not there.
///
/// # Errors
///
/// What the system says.
pub(crate) fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder_of(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives a file another ending, under which there is none yet.
///
/// # Errors
///
/// What the system says.
pub(crate) fn set_aside(path: &Path, ending: &str) -> io::Result<PathBuf> {
    let named = |number: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { format!(".{ending}") } else { format!(".{ending}-{number}") });
        PathBuf::from(name)
    };
    let mut number = 1;
    while named(number).exists() {
        number += 1;
    }
    std::fs::rename(path, named(number))?;
    sync_folder_of(path)?;
    Ok(named(number))
}

/// A rename or removal is safe only once the folder is.
fn sync_folder_of(path: &Path) -> io::Result<()> {
    match parent(path) {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// The folder that a path is in; of a bare name the current one.
fn parent(path: &Path) -> Option<&Path> {
    let parent = path.parent()?;
    Some(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

/// The name of this machine, under which others may find it; `localhost` when it has none.
pub(crate) fn host_name() -> String {
    text(Path::new("/proc/sys/kernel/hostname"))
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty() && name != "(none)")
        .unwrap_or_else(|| "localhost".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_store_of_the_largest_size_is_read_and_a_larger_one_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(sink::STORE_BYTES_MAX as u64).unwrap();
        assert_eq!(read(file.path()).unwrap().len(), sink::STORE_BYTES_MAX);
        file.as_file().set_len(sink::STORE_BYTES_MAX as u64 + 1).unwrap();
        let error = read(file.path()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(plain(&error), "it has more than 16 MiB");
    }

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let (said, heard) = std::sync::mpsc::sync_channel(1);
        let asked = pipe.clone();
        std::thread::spawn(move || said.send(read(asked)));
        let answer = heard.recv_timeout(std::time::Duration::from_secs(10));
        assert_eq!(answer.expect("it waits for the pipe").unwrap_err().to_string(), "it is no regular file");
        assert_eq!(read("/dev/null").unwrap_err().to_string(), "it is no regular file");
        assert_eq!(read(folder.path()).unwrap_err().to_string(), "it is a folder, not a file");
        // What the command line names may be a pipe.
        assert_eq!(read_any("/dev/null").unwrap(), b"");
        std::fs::write(folder.path().join("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", folder.path().join("link")).unwrap();
        assert_eq!(read(folder.path().join("link")).unwrap(), b"x");
        assert!(text(Path::new("/proc/self/cgroup")).is_some(), "what the system says of itself is readable");
    }

    #[test]
    fn what_is_kept_is_for_nobody_else() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        let (data, kept) = (folder.path().join("data"), folder.path().join("data/connectors"));
        create_folder(&kept).unwrap();
        create_folder(&kept).unwrap();
        assert_eq!((mode(&data), mode(&kept)), (0o700, 0o700));
        let file = kept.join("a.json");
        std::fs::write(kept.join("a.json.tmp"), "left behind").unwrap();
        std::fs::set_permissions(kept.join("a.json.tmp"), Permissions::from_mode(0o644)).unwrap();
        std::fs::write(&file, "of an earlier version").unwrap();
        replace(&file, b"x").unwrap();
        assert_eq!((std::fs::read(&file).unwrap().as_slice(), mode(&file)), (&b"x"[..], 0o600));
        assert!(create_folder(&file.join("below")).is_err());
    }

    #[test]
    fn a_bare_name_is_in_the_current_folder() {
        assert_eq!(parent(Path::new("data")), Some(Path::new(".")));
        assert_eq!(parent(Path::new("/data")), Some(Path::new("/")));
        assert_eq!(parent(Path::new("/")), None);
        sync_folder_of(Path::new("data")).unwrap();
    }
}
