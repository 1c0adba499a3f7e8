//! Plaintext buffers that wipe themselves and never print.

use std::fmt;
use std::io;
use std::io::Read;
use std::io::Write;

use subtle::ConstantTimeEq;
use zeroize::Zeroize;
use zeroize::Zeroizing;

/// Largest plaintext that is held in memory as a whole; larger ones only ever stream.
pub const PLAINTEXT_MAX: usize = 1 << 30;

/// First allocation of a reader whose length is not known.
const FIRST_CAPACITY: usize = 64 << 10;

/// Keeps plaintext out of core dumps and debuggers, of this process and of those that it starts. Best effort.
pub fn forbid_dumps() {
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Core, none);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Plaintext of one secret. Wiped on drop; never printed, cloned or serialized.
#[derive(Default)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// An empty buffer that can take `capacity` bytes without moving.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Lends the plaintext. Every use is one search for `expose` away.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Length of the plaintext in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether there is no plaintext at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in time that depends on the lengths alone.
    pub fn same(&self, other: &Self) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }

    /// Reads to the end, at most `limit` bytes; more is an error of kind `FileTooLarge`.
    ///
    /// The buffer is never grown in place: a larger one is made, filled and the old one wiped, so that no
    /// copy stays behind.
    pub fn read_bounded(mut reader: impl Read, limit: usize) -> io::Result<Self> {
        let mut bytes = Self::with_capacity(FIRST_CAPACITY.min(limit.saturating_add(1)));
        let mut chunk = Zeroizing::new([0u8; 8192]);
        loop {
            let read = match reader.read(chunk.as_mut_slice()) {
                Ok(0) => return Ok(bytes),
                Ok(read) => read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            if bytes.len() + read > limit {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    format!("larger than {limit} bytes"),
                ));
            }
            bytes.extend(chunk.get(..read).unwrap_or_default());
        }
    }

    /// Appends `more`, moving to a larger buffer and wiping the smaller one where needed.
    pub fn extend(&mut self, more: &[u8]) {
        let needed = self.0.len() + more.len();
        if needed > self.0.capacity() {
            let mut larger = Self::with_capacity(needed.next_power_of_two());
            larger.0.extend_from_slice(&self.0);
            *self = larger;
        }
        self.0.extend_from_slice(more);
    }

    /// Keeps only the first `length` bytes; the others are wiped.
    pub fn truncate(&mut self, length: usize) {
        if let Some(rest) = self.0.get_mut(length..) {
            rest.zeroize();
            self.0.truncate(length);
        }
    }

    /// Removes the last byte if it is `byte`.
    pub fn strip_suffix(&mut self, byte: u8) {
        if self.0.last() == Some(&byte) {
            self.0.pop();
        }
    }
}

/// Takes over the bytes; the vector must not have been grown after plaintext was put in.
impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Write for SecretBytes {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        self.extend(more);
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes([redacted])")
    }
}

/// Wipes everything that was allocated, and leaves nothing.
///
/// The bytes are set at once, where `zeroize` sets one after the other; its barrier keeps the compiler from leaving that
/// out.
impl Zeroize for SecretBytes {
    fn zeroize(&mut self) {
        self.0.clear();
        self.0.resize(self.0.capacity(), 0);
        zeroize::optimization_barrier(self.0.as_slice());
        self.0.clear();
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl zeroize::ZeroizeOnDrop for SecretBytes {}

#[cfg(test)]
static_assertions::assert_not_impl_any!(SecretBytes: Clone, fmt::Display, serde::Serialize);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_the_plaintext() {
        let secret = SecretBytes::from(b"hunter2".to_vec());
        assert_eq!(format!("{secret:?}"), "SecretBytes([redacted])");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(SecretBytes([redacted]))");
    }

    #[test]
    fn a_reader_of_any_length_up_to_the_limit_is_read_whole() {
        for length in [0, 1, 8191, 8192, 8193, FIRST_CAPACITY, FIRST_CAPACITY + 1, 300_000] {
            let text: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let read = SecretBytes::read_bounded(text.as_slice(), 300_000).unwrap();
            assert_eq!(read.expose(), text.as_slice());
        }
    }

    #[test]
    fn a_reader_over_the_limit_is_refused() {
        let error = SecretBytes::read_bounded([0u8; 11].as_slice(), 10).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_dropped_or_outgrown_is_gone_from_memory_the_part_taken_off_as_well() {
        use std::os::unix::fs::FileExt;

        const LENGTH: usize = 5000;
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        // Made before anything is dropped: it would get the memory that is to be looked at.
        let mut seen = vec![0; LENGTH];
        let mut remains = |address: usize| {
            // What is no memory of this process any more holds nothing.
            let read = memory.read_exact_at(&mut seen, u64::try_from(address).unwrap());
            read.is_ok() && seen.windows(16).any(|window| *window == [0xA7; 16])
        };
        let secret = || SecretBytes::from(vec![0xA7; LENGTH]);
        let mut shortened = secret();
        let place = shortened.expose().as_ptr().addr();
        assert!(remains(place), "the test looks at the wrong place");
        (0..64).for_each(|_| shortened.strip_suffix(0xA7));
        drop(shortened);
        assert!(!remains(place));
        let mut outgrown = secret();
        let place = outgrown.expose().as_ptr().addr();
        outgrown.extend(&[0; LENGTH]);
        assert!(!remains(place));
    }

    #[test]
    fn equality_is_by_content() {
        let secret = |text: &str| SecretBytes::from(text.as_bytes().to_vec());
        assert!(secret("a").same(&secret("a")));
        assert!(!secret("a").same(&secret("b")));
        assert!(!secret("a").same(&secret("aa")));
    }
}
