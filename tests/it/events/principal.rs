//! Events for one caller: they reach all its clients, of either era, on any environment, and no other caller.

use mcp_lambda_server::{
    Event, EventFilter, GlobalEvent, Principal,
    events::{Appended, PublishError, SessionChange},
};
use serde_json::{Value, json};
use test_support::{
    McpRequest, Reply, World, environments_with, refused, result,
    session::{Client, NEWEST, identified, opening},
    stateless_with,
};

const TOPIC: &str = "event://billing/invoice";

fn deployment(n: usize) -> World {
    environments_with(n, |config| config.events.enabled = Some(true))
}

fn user(name: &str) -> Principal {
    Principal::new("https://issuer.example", name)
}

fn invoice(number: u64) -> GlobalEvent {
    GlobalEvent::external_event("billing", "invoice", json!(number))
}

fn asked(method: &str, params: Value, who: &Principal) -> McpRequest {
    stateless_with(json!(1), method, params, json!({})).from(who)
}

/// A stream of a client without a session, acknowledged.
async fn listening(world: &World, at: usize, who: &Principal) -> Reply {
    let wanted = json!({
        "toolsListChanged": true, "resourcesListChanged": true, "resourceSubscriptions": [TOPIC],
    });
    let listen = asked("subscriptions/listen", json!({ "notifications": wanted }), who);
    let mut stream = listen.send(world.at(at)).await;
    assert_eq!(stream.message().await["method"], "notifications/subscriptions/acknowledged");
    stream
}

async fn methods(stream: &mut Reply, count: usize) -> Vec<String> {
    let mut methods = Vec::new();
    for _ in 0..count {
        let message = stream.message().await;
        methods.push(message["method"].as_str().expect("a notification").to_owned());
    }
    methods
}

async fn tell(world: &World, who: &Principal, event: impl Into<Event>) -> Appended {
    world.at(0).events().publish_to_principal(who, event.into()).await.expect("published")
}

#[tokio::test(start_paused = true)]
async fn an_event_for_one_caller_reaches_all_its_clients_and_no_others() {
    let world = deployment(3);
    let (alice, eve) = (user("alice"), user("eve"));
    let one = Client::open_as(world.at(0), NEWEST, Some(alice.clone())).await;
    let two = Client::open_as(world.at(1), NEWEST, Some(alice.clone())).await;
    let hers = [&one, &two];
    let his = Client::open_as(world.at(0), NEWEST, Some(eve.clone())).await;
    let anybody = Client::open(world.at(0), NEWEST).await;
    let mut sessions = Vec::new();
    for (at, client) in hers.into_iter().enumerate() {
        sessions.push(client.listening(world.at(at + 1)).await);
    }
    let mut modern = listening(&world, 2, &alice).await;
    let mut others = [
        his.listening(world.at(1)).await,
        anybody.listening(world.at(2)).await,
        listening(&world, 0, &eve).await,
        listening(&world, 1, &Principal::anonymous()).await,
    ];

    tell(&world, &alice, invoice(1)).await;
    for stream in &mut sessions {
        let received = stream.message().await;
        assert_eq!(
            (&received["method"], &received["params"]["data"]["payload"]),
            (&"notifications/message".into(), &json!(1))
        );
        assert_eq!(methods(stream, 1).await, ["notifications/resources/list_changed"]);
    }
    let both = ["notifications/resources/list_changed", "notifications/resources/updated"];
    assert_eq!(methods(&mut modern, 2).await, both);
    tell(&world, &alice, Event::ToolsListChanged).await;
    for stream in sessions.iter_mut().chain([&mut modern]) {
        assert_eq!(methods(stream, 1).await, ["notifications/tools/list_changed"]);
    }

    // A global event comes later, and is the first that the others receive.
    world.at(1).events().prompts_list_changed().await.expect("published");
    world.at(1).events().broadcast_global_event(invoice(2)).await.expect("published");
    for stream in others.iter_mut().take(2) {
        assert_eq!(methods(stream, 1).await, ["notifications/prompts/list_changed"]);
        assert_eq!(stream.message().await["params"]["data"]["payload"], 2);
    }
    for stream in others.iter_mut().skip(2) {
        assert_eq!(methods(stream, 2).await, both);
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_holds_the_global_events_and_those_of_its_reader() {
    let world = deployment(2);
    let (alice, eve) = (user("alice"), user("eve"));
    let read =
        async |who: &Principal| asked("resources/read", json!({ "uri": TOPIC }), who).send(world.at(1)).await;
    let list = async |who: &Principal| {
        let listed =
            result(asked("resources/list", json!({ "cursor": "page-2" }), who).send(world.at(1)).await).await;
        let uris = listed["resources"].as_array().expect("a list").iter();
        uris.map(|one| one["uri"].as_str().expect("a URI").to_owned()).collect::<Vec<_>>()
    };
    let held = async |who: &Principal| {
        let contents =
            result(read(who).await).await["contents"][0]["text"].as_str().expect("text").to_owned();
        let held: Value = serde_json::from_str(&contents).expect("JSON");
        let events = held["events"].as_array().expect("events").iter();
        events
            .map(|event| (event["event"]["payload"].clone(), event.get("scope").cloned()))
            .collect::<Vec<_>>()
    };
    tell(&world, &alice, invoice(1)).await;
    assert_eq!(held(&alice).await, [(json!(1), Some(json!("principal")))]);
    assert_eq!(list(&alice).await, ["test://two", TOPIC]);
    for other in [&eve, &Principal::anonymous()] {
        assert_eq!(refused(read(other).await).await.1, -32602, "as if there were none");
        assert_eq!(list(other).await, ["test://two"]);
    }
    world.clock.advance(std::time::Duration::from_millis(10));
    world.at(0).events().broadcast_global_event(invoice(2)).await.expect("published");
    assert_eq!(held(&alice).await, [(json!(2), None), (json!(1), Some(json!("principal")))], "newest first");
    assert_eq!(list(&alice).await, ["test://two", TOPIC], "once");
    assert_eq!(held(&eve).await, [(json!(2), None)]);
}

/// An event of several messages, cut off behind any of them, with a global event in between.
#[tokio::test(start_paused = true)]
async fn a_stream_that_was_lost_in_the_middle_of_an_event_goes_on_behind_its_last_message() {
    let world = deployment(2);
    let alice = user("alice");
    let client = Client::open_as(world.at(0), NEWEST, Some(alice.clone())).await;
    let subscribe = client.request(1, "resources/subscribe", json!({ "uri": TOPIC }));
    assert_eq!(subscribe.send(world.at(1)).await.status, 200);
    let mut first = client.listening(world.at(0)).await;
    tell(&world, &alice, invoice(1)).await;
    let mut places = Vec::new();
    for _ in 0..3 {
        places.push(identified(&mut first).await);
    }
    let id = |position: &str| format!("log.{}.{position}", &client.id[..8]);
    let received: Vec<_> =
        places.iter().map(|(place, message)| (place.as_str(), message["method"].as_str())).collect();
    assert_eq!(
        received,
        [
            (id("0.0.0-1").as_str(), Some("notifications/message")),
            (id("0.0.0-2").as_str(), Some("notifications/resources/list_changed")),
            (id("0.0.1").as_str(), Some("notifications/resources/updated")),
        ]
    );
    world.at(1).events().tools_list_changed().await.expect("published");
    for (at, (place, _)) in places.iter().enumerate() {
        let mut again = client.resume(place).send(world.at(1)).await;
        assert_eq!(opening(&mut again, NEWEST).await.as_ref(), Some(place));
        let mut expected: Vec<_> =
            places[at + 1..].iter().map(|(_, message)| message["method"].clone()).collect();
        expected.push("notifications/tools/list_changed".into());
        let mut heard: Vec<Value> =
            methods(&mut again, expected.len()).await.into_iter().map(Value::from).collect();
        // Two scopes are two sequences: which of them comes first is not settled.
        heard.sort_by_key(Value::to_string);
        expected.sort_by_key(Value::to_string);
        assert_eq!(heard, expected, "behind {place}");
        assert!(again.is_waiting());
    }
}

#[tokio::test(start_paused = true)]
async fn the_anonymous_caller_has_no_events_of_its_own_and_code_can_follow_a_caller() {
    let world = deployment(2);
    let alice = user("alice");
    let events = world.at(0).events();
    let anonymous = events.publish_to_principal(&Principal::anonymous(), invoice(1).into()).await;
    assert!(matches!(anonymous, Err(PublishError::Anonymous)), "{anonymous:?}");
    let of = |principal: Option<Principal>| {
        principal.map_or_else(EventFilter::default, |principal| EventFilter::default().principal(principal))
    };
    let mut hers = world.at(1).events().subscribe(of(Some(alice.clone()))).await.expect("subscribed");
    let mut everybodys = world.at(1).events().subscribe(of(None)).await.expect("subscribed");
    tell(&world, &alice, invoice(1)).await;
    let payload = |event| match event {
        GlobalEvent::ExternalEvent { payload, .. } => payload,
        other => panic!("not sent: {other:?}"),
    };
    assert_eq!(payload(hers.next().await.expect("an event")), 1);
    events.broadcast_global_event(invoice(2)).await.expect("published");
    assert_eq!(payload(hers.next().await.expect("an event")), 2);
    assert_eq!(payload(everybodys.next().await.expect("an event")), 2);
    let ended = GlobalEvent::session_update("somebody", SessionChange::Expired, None);
    tell(&world, &alice, ended).await;
    assert!(matches!(hers.next().await, Ok(GlobalEvent::SessionUpdate { .. })));
}
