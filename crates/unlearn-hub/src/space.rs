//! Bytes: how many are free, and how they are written for people.

use std::path::Path;

use crate::HubError;

/// A number of bytes with a unit, as `1.5 GB`; the units are powers of 1000.
#[must_use]
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    for unit in ["bytes", "kB", "MB", "GB", "TB"] {
        if value < 999.95 || unit == "TB" {
            let digits = usize::from(unit != "bytes");
            return format!("{value:.digits$} {unit}");
        }
        value /= 1000.0;
    }
    format!("{count} bytes")
}

/// Refuses what cannot fit on the disk before any of it is fetched.
///
/// # Errors
/// When the file system of `folder` says that it has less than `needed` bytes free.
pub(crate) fn need(folder: &Path, needed: u64) -> Result<(), HubError> {
    match free(folder) {
        Some(free) if free < needed => Err(HubError::Room { path: folder.to_owned(), needed, free }),
        _ => Ok(()),
    }
}

/// Bytes free; nothing where the file system does not say, and some network file systems say 0.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(folder).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize)).filter(|_| stat.f_blocks > 0)
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_a_unit() {
        let shown = [0, 999, 1000, 1_500_000, 999_960_000, u64::MAX].map(bytes);
        assert_eq!(shown, ["0 bytes", "999 bytes", "1.0 kB", "1.5 MB", "1.0 GB", "18446744.1 TB"]);
    }

    #[cfg(unix)]
    #[test]
    fn more_than_any_disk_has_is_refused() {
        assert!(need(&std::env::temp_dir(), 1).is_ok());
        assert!(need(&std::env::temp_dir(), u64::MAX).is_err());
    }
}
