//! The only place that reads files: configuration, certificates, what the system says of itself.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
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
    std::fs::create_dir_all(path)
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
