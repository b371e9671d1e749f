//! A position in a byte slice that never passes its end.

use super::Fault;

/// The format's own limit, in bytes.
const LONGEST_NAME: usize = u16::MAX as usize;

/// Reads little-endian numbers and counted strings, front to back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes that have not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: u64) -> Result<&'a [u8], Fault> {
        let cut_short = Fault::CutShort { needed: count, left: self.rest.len() as u64 };
        let split = usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count));
        let (taken, rest) = split.ok_or(cut_short)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let cut_short = Fault::CutShort { needed: N as u64, left: self.rest.len() as u64 };
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(cut_short)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Fault> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Fault> {
        self.array().map(u64::from_le_bytes)
    }

    /// A string: its length in bytes, then the bytes.
    pub(super) fn string(&mut self) -> Result<&'a [u8], Fault> {
        let length = self.u64()?;
        self.take(length)
    }

    /// A string that names something, so that it has to be UTF-8 and short.
    pub(super) fn name(&mut self) -> Result<&'a str, Fault> {
        let bytes = self.string()?;
        if bytes.is_empty() || bytes.len() > LONGEST_NAME {
            return Err(Fault::NameLength { length: bytes.len(), limit: LONGEST_NAME });
        }
        std::str::from_utf8(bytes).map_err(|_| Fault::Utf8)
    }
}
