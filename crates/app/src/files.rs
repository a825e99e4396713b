//! The only place that reads and writes files: configuration, certificates, what the system says of itself.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sink::Surroundings;

/// Largest file that is read, 16 MiB: that of a key store, which has the most. Configuration is a few KiB.
const FILE_BYTES_MAX: usize = sink::STORE_BYTES_MAX;

/// The whole file.
///
/// # Errors
///
/// What the system says, and `FileTooLarge` above [`FILE_BYTES_MAX`].
pub(crate) fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
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

/// Creates the folder with its parents.
///
/// # Errors
///
/// What the system says.
pub(crate) fn create_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(path)?;
    sync_folder_of(path)
}

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

/// Puts a file with these bytes in the place of `path`. After a crash there is the old one or the new one, and once this
/// has returned the new one.
///
/// # Errors
///
/// What the system says; the old one is there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(LEFT_OVER);
    let new = PathBuf::from(name);
    let mut file = File::create(&new)?;
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
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
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
}
