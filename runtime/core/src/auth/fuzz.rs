//! Property tests of the parsers of tokens and keys: no panic, and no token is accepted without a signature of the issuer.

use http::{HeaderValue, header};
use proptest::prelude::*;

use super::{JwtConfig, authenticator, jwt};
use crate::fuzz::{
    in_time,
    mutated::{corpus, mutated},
    request,
};

proptest! {
    #[test]
    fn any_token_is_read(input in mutated(corpus(&["../fuzz/token"]))) {
        let (mut headers, document) = request(&input);
        if let Ok(value) = HeaderValue::from_bytes(&input) {
            headers.append(header::AUTHORIZATION, value);
        }
        let config = JwtConfig::new("https://issuer.example.com", "mcp");
        in_time(|| {
            if let Ok(token) = authenticator::bearer(&headers) {
                jwt::fuzz(&config, token, &document);
            }
        });
    }
}
