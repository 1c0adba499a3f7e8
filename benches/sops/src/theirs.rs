//! The crate `rops`, used as its own command uses it.

use rops::cryptography::cipher::AES256GCM;
use rops::cryptography::hasher::SHA512;
use rops::file::RopsFile;
use rops::file::format::FileFormat;
use rops::file::format::RopsFileFormatMap;
use rops::file::format::YamlFileFormat;
use rops::file::map::state::DecryptedMap;
use rops::file::state::DecryptedFile;
use rops::file::state::EncryptedFile;

use crate::Outcome;
use crate::engine::Done;
use crate::engine::Engine;
use crate::engine::SET;
use crate::engine::Work;

type Encrypted = RopsFile<EncryptedFile<AES256GCM, SHA512>, YamlFileFormat>;
type Decrypted = RopsFile<DecryptedFile<SHA512>, YamlFileFormat>;

pub struct Rops;

impl Engine for Rops {
    fn does(&self, work: Work, text: &str) -> Outcome<Done> {
        let encrypted: Encrypted = text.parse()?;
        let done = match work {
            Work::Decrypt => {
                let decrypted: Decrypted = encrypted.decrypt()?;
                YamlFileFormat::serialize_to_string(decrypted.map())?
            }
            // With the data key that was there: it has no way to make another.
            Work::Reencrypt => {
                let decrypted: Decrypted = encrypted.decrypt()?;
                let anew: Encrypted = decrypted.encrypt()?;
                anew.to_string()
            }
            Work::Set => set(encrypted)?,
        };
        Ok(Done::Text(done))
    }
}

/// An edit of the plaintext; values that are the same keep their ciphertext.
fn set(encrypted: Encrypted) -> Outcome<String> {
    let (decrypted, saved) = encrypted.decrypt_and_save_parameters::<YamlFileFormat>()?;
    let plaintext = YamlFileFormat::serialize_to_string(decrypted.map())?;
    let (_, before, after) = SET;
    let edited = plaintext.replacen(before, after, 1);
    let map: RopsFileFormatMap<DecryptedMap, YamlFileFormat> = YamlFileFormat::deserialize_from_str(&edited)?;
    let changed: Encrypted = decrypted.set_map(map)?.encrypt_with_saved_parameters(saved)?;
    Ok(changed.to_string())
}
