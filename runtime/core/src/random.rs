//! The only source of randomness: ids that cannot be guessed, and jitter.

use std::time::Duration;

use uuid::Uuid;

/// Returns 122 random bits as 32 lower-case hexadecimal digits: visible ASCII, safe in headers, keys and URLs.
pub fn token() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Returns a key of 256 bits, of which 244 are random, for a process without a configured one.
pub fn key() -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    key[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    key
}

/// Returns `base` plus or minus up to a quarter, so that environments do not poll in step.
pub fn jitter(base: Duration) -> Duration {
    let unit = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
    base.mul_f64(0.75 + unit / 2.0)
}

/// Returns a random number below `limit`; 0 for a limit of 0.
pub fn below(limit: usize) -> usize {
    let drawn = usize::try_from(Uuid::new_v4().as_fields().0).unwrap_or(0);
    drawn.checked_rem(limit).unwrap_or(0)
}
