//! The issuer as a program, for tests in other languages: prints its URL and runs until it is ended.
//!
//! ```text
//! local-issuer CLIENT_ID REDIRECT_URI NAME:PASSWORD...
//! ```
//!
//! The secret of the client is in `CLIENT_SECRET`; without it the client is a public one.

use local_issuer::Issuer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = || std::io::Error::other("usage: local-issuer CLIENT_ID REDIRECT_URI NAME:PASSWORD...");
    let (client, redirect) = arguments.next().zip(arguments.next()).ok_or_else(usage)?;
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment in this program")]
    let secret = std::env::var("CLIENT_SECRET").ok();
    let issuer = Issuer::start().await?;
    issuer.register(&client, secret.as_deref(), &redirect);
    for user in arguments {
        let (name, password) = user.split_once(':').ok_or_else(usage)?;
        issuer.add_user(name, password);
    }
    println!("{}", issuer.url());
    std::future::pending().await
}
