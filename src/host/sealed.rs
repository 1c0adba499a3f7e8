//! Opening sealed files: the digest first, then the decryption, both over the same bytes.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::path::Path;

use zeroize::Zeroizing;

use super::grant::FileError;
use super::trust::SealedTree;
use crate::crypto::DecryptError;
use crate::crypto::Digest;
use crate::crypto::DigestReader;
use crate::crypto::SealingIdentity;
use crate::crypto::decrypt_stream;
use crate::fsx::FsError;
use crate::manifest::Entry;

/// Up to this size a file is read whole: parsing an age header byte by byte costs many times more.
const WHOLE_MAX: u64 = 256 << 10;
/// How much is read and written at a time.
const CHUNK: usize = 64 << 10;

/// Decrypts the sealed file of `entry` into `sink`; `place` names the sink in errors.
///
/// After an error the sink may hold a part of the plaintext, and the caller removes it.
pub(super) fn open(
    tree: &SealedTree,
    entry: &Entry,
    identity: &SealingIdentity,
    sink: &mut dyn Write,
    place: &Path,
) -> Result<(), FileError> {
    let path = tree.path(&entry.file);
    let unreadable = |error| FileError::SealedUnreadable {
        secret: entry.name.clone(),
        source: FsError::on("read", &path)(error),
    };
    let changed = || FileError::SealedChanged { secret: entry.name.clone(), path: path.clone() };
    let opening = Opening { entry, identity, place };
    let mut file = File::open(&path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size <= WHOLE_MAX {
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        file.take(WHOLE_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if Digest::of(&bytes) != entry.sha256 {
            return Err(changed());
        }
        return opening.copy(bytes.as_slice(), sink);
    }
    if Digest::of_reader(&file).map_err(unreadable)? != entry.sha256 {
        return Err(changed());
    }
    file.rewind().map_err(unreadable)?;
    // The file may have changed since, so the bytes that are really decrypted are digested again.
    let mut reader = DigestReader::new(BufReader::with_capacity(CHUNK, file));
    let copied = opening.copy(&mut reader, sink);
    io::copy(&mut reader, &mut io::sink()).map_err(unreadable)?;
    if reader.finish() != entry.sha256 {
        return Err(changed());
    }
    copied
}

/// Checks the digest of a sealed file without decrypting it.
pub(super) fn check(tree: &SealedTree, entry: &Entry) -> Result<(), FileError> {
    let path = tree.path(&entry.file);
    match File::open(&path).and_then(Digest::of_reader) {
        Ok(found) if found == entry.sha256 => Ok(()),
        Ok(_) => Err(FileError::SealedChanged { secret: entry.name.clone(), path }),
        Err(error) => Err(FileError::SealedUnreadable {
            secret: entry.name.clone(),
            source: FsError::on("read", &path)(error),
        }),
    }
}

struct Opening<'a> {
    entry: &'a Entry,
    identity: &'a SealingIdentity,
    place: &'a Path,
}

impl Opening<'_> {
    fn copy(&self, ciphertext: impl Read, sink: &mut dyn Write) -> Result<(), FileError> {
        let undecryptable = |source| FileError::Undecryptable { secret: self.entry.name.clone(), source };
        let mut plaintext = decrypt_stream(ciphertext, self.identity).map_err(undecryptable)?;
        let mut chunk = Zeroizing::new(vec![0; CHUNK]);
        loop {
            let read = match plaintext.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(undecryptable(payload_error(error))),
            };
            let part = chunk.get(..read).unwrap_or_default();
            sink.write_all(part).map_err(FsError::on("write", self.place))?;
        }
    }
}

fn payload_error(error: io::Error) -> DecryptError {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            DecryptError::Damaged { reason: "its payload is cut off or was changed" }
        }
        _ => DecryptError::Io(error),
    }
}
