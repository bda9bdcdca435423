//! Property tests for every parser of untrusted events: no panic, and never slower than [`DEADLINE`].

    /// Events, to the bytes that Lambda is told.
    #[cfg(feature = "lambda")]
    #[test]
    fn any_event_is_answered(inputs in proptest::collection::vec(mutated(corpus(&[EVENTS, "fuzz/invocation"])), 16)) {
        let config = Config { streams: crate::config::StreamConfig { enabled: false, ..Config::default().streams }, ..Config::default() };
        let server = McpLambdaServer::builder(Nothing).config(config).build().expect("a server");
        runtime().block_on(async {
            for input in inputs {
                let started = Instant::now();
                let answer = tokio::time::timeout(DEADLINE, crate::lambda::answer_to(&server, input.clone().into())).await;
                prop_assert!(answer.is_ok(), "still not answered: {}", String::from_utf8_lossy(&input));
                prop_assert!(started.elapsed() < DEADLINE, "took {:?}: {}", started.elapsed(), String::from_utf8_lossy(&input));
            }
            Ok(())
        })?;
    }

    /// What fronts say of a caller.
    #[cfg(feature = "lambda")]
    #[test]
    fn any_authorizer_context_is_read(input in mutated(corpus(&["fuzz/context"]))) {
        use crate::auth::{HEADER_PREFIX, Shape, GatewayIdentity};
        let text = String::from_utf8_lossy(&input);
        for (shape, identity) in [(Shape::V1, None), (Shape::V1, Some(&*text)), (Shape::V2, None)] {
            let authorizer = identity.is_none().then_some(&*text);
            if let Some(identity) = in_time(|| GatewayIdentity::read(shape, authorizer, identity)) {
                let key = identity.principal.key();
                prop_assert!(key == "anonymous" || key.contains('|'), "{}", key);
                let mut headers = HeaderMap::new();
                identity.forward(&mut headers);
                prop_assert!(headers.keys().all(|name| name.as_str().starts_with(HEADER_PREFIX)));
            }
        }
    }

