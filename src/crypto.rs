//! Age encryption, SSH signatures and digests, all from well-kept libraries.

mod ciphertext;
mod digest;
mod identity;
mod locked;
mod prompt;
mod recipient;
mod signature;
mod signed_line;
#[cfg(feature = "admin")]
mod signer;
mod stanza;

pub use ciphertext::DecryptError;
pub use ciphertext::EncryptError;
pub use ciphertext::decrypt;
pub use ciphertext::decrypt_stream;
pub use ciphertext::encrypt;
#[cfg(feature = "admin")]
pub use ciphertext::encrypt_armored;
pub use ciphertext::is_age;
pub use ciphertext::recipient_kinds;
pub use digest::Digest;
pub use digest::DigestReader;
pub use identity::Identities;
pub use identity::IdentityError;
pub use identity::KEY_VARIABLE;
pub use identity::SealingIdentity;
pub use prompt::NoPrompt;
pub use prompt::Prompt;
pub use recipient::Recipient;
pub use recipient::RecipientError;
pub use signature::Namespace;
pub use signature::SignatureError;
pub use signature::SshSignature;
pub use signature::VerifyingKey;
pub use signature::VerifyingKeyError;
pub use signed_line::SignedLine;
#[cfg(feature = "admin")]
pub use signed_line::sign_line;
#[cfg(feature = "admin")]
pub use signer::Signer;
#[cfg(feature = "admin")]
pub use signer::SignerError;
#[cfg(feature = "admin")]
pub use signer::SignerSource;
#[cfg(feature = "admin")]
pub use signer::public_half;
