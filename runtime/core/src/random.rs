//! Randomness, drawn in one place: ids nobody can guess, and jitter.

use std::time::Duration;

use uuid::Uuid;

/// 122 random bits as 32 lower-case hex digits: visible ASCII, safe in headers, keys and URLs.
pub fn token() -> String {
    Uuid::new_v4().simple().to_string()
}

/// 256 bits for a key that is made at start because none was configured.
pub fn key() -> [u8; 32] {
    let mut key = [0; 32];
    key[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    key[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    key
}

/// `base` give or take a quarter, so that many environments do not poll in step.
pub fn jitter(base: Duration) -> Duration {
    let unit = f64::from(Uuid::new_v4().as_fields().0) / f64::from(u32::MAX);
    base.mul_f64(0.75 + unit / 2.0)
}

/// A number below `limit`; 0 when there is none.
pub fn below(limit: usize) -> usize {
    let drawn = usize::try_from(Uuid::new_v4().as_fields().0).unwrap_or(0);
    drawn.checked_rem(limit).unwrap_or(0)
}
