//! A data key in shares, as HashiCorp's scheme writes them: the share's bytes, then its x coordinate.

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use vsss_rs::Gf256;
use zeroize::Zeroizing;

use crate::secret::SecretBytes;

/// Splits a secret into as many shares, of which `threshold` are needed; none for numbers that make no sense.
pub(super) fn split(secret: &SecretBytes, shares: usize, threshold: usize) -> Option<Vec<SecretBytes>> {
    let made = Gf256::split_bytes(threshold, shares, secret.expose(), UnwrapErr(SysRng)).ok()?;
    // The library puts the x coordinate first.
    let turned = made.into_iter().map(|mut share| {
        share.rotate_left(1);
        SecretBytes::from(share)
    });
    Some(turned.collect())
}

/// Puts shares together; none if two are the same or their lengths differ. Wrong shares give a wrong secret.
pub(super) fn combine(shares: &[SecretBytes]) -> Option<SecretBytes> {
    let mut turned = Zeroizing::new(Vec::with_capacity(shares.len()));
    for share in shares {
        let mut share = share.expose().to_vec();
        let one = share.len().min(1);
        share.rotate_right(one);
        turned.push(share);
    }
    Gf256::combine_bytes(turned.as_slice()).ok().map(SecretBytes::from)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Multiplication in the field of AES, by the book.
    fn times(mut left: u8, mut right: u8) -> u8 {
        let mut product = 0;
        while right > 0 {
            if right & 1 == 1 {
                product ^= left;
            }
            left = (left << 1) ^ if left & 0x80 == 0 { 0 } else { 0x1b };
            right >>= 1;
        }
        product
    }

    #[test]
    fn shares_lie_on_a_line_over_the_field_of_aes_with_the_coordinate_last() {
        let shares = split(&SecretBytes::from(vec![0x53, 0xca]), 3, 2).unwrap();
        for (byte, secret) in [0x53u8, 0xca].into_iter().enumerate() {
            let slope = shares[0].expose()[byte] ^ secret;
            for share in &shares {
                let x = share.expose()[2];
                assert_eq!(share.expose()[byte], secret ^ times(slope, x));
            }
        }
        let coordinates: Vec<u8> = shares.iter().map(|share| share.expose()[2]).collect();
        assert_eq!(coordinates, [1, 2, 3]);
    }

    #[test]
    fn the_same_share_twice_and_shares_of_two_lengths_are_refused() {
        let shares = split(&SecretBytes::from(vec![1; 32]), 2, 2).unwrap();
        let copy = |share: &SecretBytes| SecretBytes::from(share.expose().to_vec());
        assert!(combine(&[copy(&shares[0]), copy(&shares[0])]).is_none());
        assert!(combine(&[copy(&shares[0]), SecretBytes::from(vec![1, 2])]).is_none());
        assert!(combine(&[SecretBytes::default(), SecretBytes::default()]).is_none());
        assert!(split(&SecretBytes::from(vec![1]), 2, 3).is_none());
    }

    proptest! {
        #[test]
        fn any_choice_of_enough_shares_gives_the_secret(
            secret in prop::array::uniform32(any::<u8>()),
            threshold in 2usize..6,
            more in 0usize..4,
            skip in 0usize..4,
        ) {
            let total = threshold + more;
            let shares = split(&SecretBytes::from(secret.to_vec()), total, threshold).unwrap();
            let from = skip.min(more);
            let combined = combine(&shares[from..from + threshold]).unwrap();
            prop_assert_eq!(combined.expose(), secret.as_slice());
        }
    }
}
