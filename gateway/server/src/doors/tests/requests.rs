use ::http::Method;

use super::world::{Answer, World, send};
use crate::doors::endpoints::{ENDPOINTS, Endpoint, Needs};

fn method(endpoint: &Endpoint) -> Method {
    endpoint.method.parse().unwrap()
}

/// What is wrong with everything but the token, so that a wrong order of checks shows.
fn mangled(request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    let request = request.query(&[("unheard", "of")]).header("Accept", "image/png").header("Content-Type", "image/png");
    request.header("Query-Id", "no uuid").body(vec![0xff; 3 << 20])
}

#[tokio::test]
async fn nothing_of_a_request_is_looked_at_before_its_token() {
    let world = World::with("", 10).await;
    for endpoint in ENDPOINTS {
        let guarded = matches!(endpoint.needs, Needs::TokenAndPurpose | Needs::TokenUnlessOpen);
        let request = || mangled(world.client.request(method(endpoint), world.url(endpoint.path)));
        let with = |value: &str| request().header("Authorization", value.to_owned());
        let attempts = [
            request(),
            with("Bearer lg_eve"),
            with("Basic bGdfYW5u"),
            with("Bearer"),
            with("lg_ann"),
            with("Bearer lg_ann").header("Authorization", "Bearer lg_bob"),
            request()
                .header("X-Forwarded-User", "ann")
                .header("X-Remote-User", "ann")
                .header("Forwarded", "for=127.0.0.1"),
            request().header("Cookie", "token=lg_ann").header("Proxy-Authorization", "Bearer lg_ann"),
        ];
        for attempt in attempts.into_iter().filter(|_| guarded) {
            let answer = send(attempt).await;
            answer.is_problem("UNAUTHENTICATED");
            assert_eq!(answer.status, 401);
            assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"lockgate\"");
        }
    }
}

#[tokio::test]
async fn a_known_purpose_is_declared_exactly_once_before_anything_else_counts() {
    let world = World::with("", 10).await;
    for endpoint in ENDPOINTS.iter().filter(|endpoint| endpoint.needs == Needs::TokenAndPurpose) {
        let request =
            || mangled(world.client.request(method(endpoint), world.url(endpoint.path)).bearer_auth("lg_ann"));
        send(request()).await.is_problem("PURPOSE_REQUIRED");
        send(request().header("X-Purpose", "analytics")).await.is_problem("PURPOSE_REQUIRED");
        let twice = request().header("Lockgate-Purpose", "analytics").header("lockgate-purpose", "analytics");
        send(twice).await.is_problem("PURPOSE_REQUIRED");
        for purpose in ["curiosity", "purpose:analytics", "analytics, fraud", "ANALYTICS"] {
            let answer = send(request().header("Lockgate-Purpose", purpose)).await;
            answer.is_problem("PURPOSE_UNKNOWN");
            assert_eq!(answer.json()["hint"], "known are `analytics`, `fraud`");
        }
    }
}

#[tokio::test]
async fn identity_and_purpose_come_from_token_and_header_alone() {
    let world = World::with("", 10).await;
    let claims = |request: reqwest::RequestBuilder| {
        let request = request.header("X-Forwarded-User", "bob").header("X-Purpose", "fraud").header("X-User", "bob");
        request.header("Forwarded", "for=10.0.0.1;by=bob").header("Accept", "application/json")
    };
    let sql = "SELECT mail FROM lake.crm.people ORDER BY id LIMIT 1";
    let plain = world.rows("ann", sql).await;
    assert_ne!(plain[0][0], "ann@example.org");
    assert_eq!(send(claims(world.query("ann", sql))).await.json()["rows"], plain);
    let body = r#"{"sql": "SELECT 1", "user": "bob"}"#;
    send(world.query("ann", body).header("Content-Type", "application/json")).await.is_problem("BAD_REQUEST");
}

#[tokio::test]
async fn a_body_is_taken_in_the_announced_form_only() {
    let world = World::with("max_body = 1000", 10).await;
    let post = |media_type: &'static str, body: &str| {
        let request = world.query("ann", body).header("Accept", "text/csv");
        if media_type.is_empty() { request } else { request.header("Content-Type", media_type) }
    };
    let forms = ["", "text/plain", "text/plain; charset=UTF-8", "Application/SQL", "application/x-www-form-urlencoded"];
    for form in forms {
        assert_eq!(send(post(form, "SELECT 1 AS one")).await.text(), "one\r\n1\r\n", "{form}");
    }
    for form in ["application/json", "application/json; charset=utf-8"] {
        assert_eq!(send(post(form, r#"{"sql": "SELECT 1 AS one"}"#)).await.text(), "one\r\n1\r\n");
    }
    for form in
        ["application/xml", "text/html", "multipart/form-data; boundary=x", "nonsense", "text/plain; charset=utf-16"]
    {
        let answer = send(post(form, "SELECT 1")).await;
        answer.is_problem("UNSUPPORTED_MEDIA_TYPE");
        assert_eq!(answer.status, 415);
    }
    for body in
        ["", "[]", "{}", "SELECT 1", r#"{"sql": 1}"#, r#"{"sql": "SELECT 1", "x": 1}"#, r#"{"sql":"a","sql":"b"}"#]
    {
        send(post("application/json", body)).await.is_problem("BAD_REQUEST");
    }
    send(world.query("ann", "").body(vec![0xff, 0xfe])).await.is_problem("BAD_REQUEST");
    send(world.query("ann", "")).await.is_problem("SQL_SYNTAX");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_however_it_is_sent() {
    let world = World::with("max_body = 1000", 10).await;
    let sql = format!("SELECT 1 /*{}*/", "x".repeat(2000));
    let answer = send(world.query("ann", &sql)).await;
    answer.is_problem("BODY_TOO_LARGE");
    assert_eq!(answer.status, 413);
    let chunks = futures::stream::iter(vec![Ok::<_, std::io::Error>("SELECT 1 /*".to_owned()), Ok("x".repeat(2000))]);
    let chunked = world.query("ann", "").body(reqwest::Body::wrap_stream(chunks));
    send(chunked).await.is_problem("BODY_TOO_LARGE");
}

#[tokio::test]
async fn parameters_are_taken_as_listed_and_others_refused() {
    let world = World::with("", 10).await;
    let get = |path: &str| world.request(Method::GET, path, "ann", "analytics").header("Accept", "text/csv");
    let sql = "/v1/query?q=SELECT%20id%20FROM%20lake.crm.people%20ORDER%20BY%20id";
    assert_eq!(send(get(sql)).await.text(), "id\r\n1\r\n2\r\n3\r\n");
    let cut = send(get(&format!("{sql}&max_rows=2&timeout_ms=10000"))).await;
    assert_eq!(cut.text(), "id\r\n1\r\n2\r\n");
    assert_eq!((cut.header("lockgate-rows"), cut.header("lockgate-truncated")), ("2", "true"));
    for path in ["/v1/query", "/v1/query?sql=SELECT+1", "/v1/query?q=SELECT+1&q=SELECT+2", "/v1/query?q=1&max_rows=-1"]
    {
        send(get(path)).await.is_problem("BAD_REQUEST");
    }
    for path in ["/v1/catalog?x=1", "/v1/policy/explain", "/v1/policy/explain?table=a.b.c&user=bob"] {
        send(get(path).header("Accept", "application/json")).await.is_problem("BAD_REQUEST");
    }
    let post = world.request(Method::POST, "/v1/query?max_rows=1", "ann", "analytics").body("SELECT 1");
    send(post).await.is_problem("BAD_REQUEST");
}

#[tokio::test]
async fn the_callers_own_query_id_is_kept_and_checked() {
    let world = World::with("", 10).await;
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let query = |body: String| world.query("ann", "").header("Content-Type", "application/json").body(body);
    let with = |given: &str| query(format!(r#"{{"sql": "SELECT 1", "query_id": "{given}"}}"#));
    assert_eq!(send(with(id)).await.header("query-id"), id);
    assert_eq!(send(world.query("ann", "SELECT 1").header("Query-Id", id)).await.header("query-id"), id);
    assert_eq!(send(with(id).header("Query-Id", id)).await.header("query-id"), id);
    send(with(id).header("Query-Id", "01890a5d-ac96-774b-bcce-b302099a8058")).await.is_problem("BAD_REQUEST");
    send(world.query("ann", "SELECT 1").header("Query-Id", "x")).await.is_problem("BAD_REQUEST");
    let refused = send(world.query("ann", "SELECT nope FROM lake.crm.people").header("Query-Id", id)).await;
    assert_eq!((refused.header("query-id"), refused.json()["query_id"].as_str()), (id, Some(id)));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let world = World::with("", 10).await;
    let request = |method: &str, path: &str| world.client.request(method.parse().unwrap(), world.url(path));
    for path in ["/", "/v1", "/v1/query/", "/v1/Query", "/v2/query", "/metrics/x"] {
        let answer = send(request("GET", path)).await;
        answer.is_problem("NOT_FOUND");
        assert_eq!(answer.status, 404);
    }
    for (path, allow) in [("/v1/query", "POST, GET, DELETE, OPTIONS"), ("/healthz", "GET, HEAD, OPTIONS")] {
        for method in ["PUT", "PATCH", "TRACE", "BREW"] {
            let answer = send(request(method, path)).await;
            answer.is_problem("METHOD_NOT_ALLOWED");
            assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, allow));
        }
        let answer = send(request("OPTIONS", path)).await;
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (204, allow));
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")));
    }
    assert_eq!(send(request("HEAD", "/v1/query?q=SELECT+1")).await.status, 405);
    let head = send(request("HEAD", "/openapi.json")).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
}

#[tokio::test]
async fn only_the_media_types_of_an_endpoint_are_served() {
    let world = World::with("", 10).await;
    for endpoint in ENDPOINTS {
        let path = match endpoint.path {
            "/v1/query" if endpoint.method == "DELETE" => "/v1/query?query_id=0193a6f4-0000-7000-8000-000000000000",
            "/v1/query" => "/v1/query?q=SELECT+1",
            "/v1/policy/explain" => "/v1/policy/explain?table=lake.crm.people",
            "/v1/progress" => "/v1/progress?query_id=0193a6f4-0000-7000-8000-000000000000",
            path => path,
        };
        let request = |accept: &str| {
            let path = if endpoint.bodies.is_empty() { path } else { endpoint.path };
            let request = world.request(method(endpoint), path, "ann", "analytics").header("Accept", accept.to_owned());
            if endpoint.bodies.is_empty() { request } else { request.body("SELECT 1") }
        };
        for media_type in endpoint.answer.media_types() {
            let answer = send(request(media_type)).await;
            assert_eq!(answer.status, 200, "{path} {media_type}: {}", answer.text());
            assert!(answer.header("content-type").starts_with(media_type), "{path} {media_type}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
        let answer = send(request("image/png")).await;
        answer.is_problem("NOT_ACCEPTABLE");
        for media_type in endpoint.answer.media_types() {
            assert!(answer.json()["hint"].as_str().unwrap().contains(media_type), "{}", answer.text());
        }
    }
}

fn statuses(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    text.split("HTTP/1.1 ").skip(1).map(|answer| answer.chars().take(3).collect()).collect()
}

#[tokio::test]
async fn a_request_hidden_in_another_one_gains_nothing() {
    let world = World::with("", 10).await;
    let head = "POST /v1/query HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer lg_ann\r\nLockgate-Purpose: analytics\r\n";
    let inner = "GET /v1/catalog HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let both = format!("{head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{inner}");
    // The body ends where its chunks end, and what follows is a request of its own, without the token of the first.
    let answers = world.raw(both.as_bytes(), |_| false).await;
    assert!(["400", "401"].contains(&statuses(&answers).last().unwrap().as_str()), "{:?}", statuses(&answers));
    let refused = [
        format!("{head}Content-Length: 5\r\nContent-Length: 6\r\nConnection: close\r\n\r\nSELECT 1"),
        format!("{head}Content-Length: -1\r\nConnection: close\r\n\r\nSELECT 1"),
        format!("{head}Content-Length: 8, 9\r\nConnection: close\r\n\r\nSELECT 1"),
        format!("{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\nZZ\r\nSELECT 1\r\n0\r\n\r\n"),
        format!("{head}Transfer-Encoding: identity, x\r\nConnection: close\r\n\r\nSELECT 1"),
        "GET /v1/catalog HTTP/1.1\r\nHost: x\r\nAuthorization : Bearer lg_ann\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /v1/catalog HTTP/1.1\r\nHost: x\r\nA: b\r\n Authorization: Bearer lg_ann\r\nConnection: close\r\n\r\n"
            .to_owned(),
        "GET http://\r\n\r\n".to_owned(),
    ];
    for request in refused {
        let answers = statuses(&world.raw(request.as_bytes(), |_| false).await);
        assert!(answers.iter().all(|status| status.starts_with('4')), "{request}: {answers:?}");
    }
}

#[tokio::test]
async fn no_status_of_health_needs_a_token_and_no_detail_comes_without() {
    let world = World::with("", 10).await;
    let get = |token: Option<&'static str>| {
        let request = world.client.get(world.url("/healthz"));
        token.into_iter().fold(request, reqwest::RequestBuilder::bearer_auth)
    };
    for token in [None, Some("lg_eve")] {
        assert_eq!(send(get(token)).await.text(), r#"{"status":"ok"}"#);
    }
    let details = send(get(Some("lg_ann"))).await.json();
    assert_eq!(details["sources"], serde_json::json!(["lake"]));
    assert_eq!(details["ledger"]["writable"], true);
    assert!(details["policy"]["version"].as_str().unwrap().starts_with("test.1+"));
}

#[tokio::test]
async fn metrics_need_a_token_unless_opened_and_name_nobody() {
    let world = World::with("", 10).await;
    world.rows("ann", "SELECT id FROM lake.crm.people").await;
    send(world.query("ann", "SELECT mail, nope FROM lake.crm.people")).await.is_problem("COLUMN_NOT_FOUND");
    let answer: Answer = send(world.client.get(world.url("/metrics")).bearer_auth("lg_bob")).await;
    let text = answer.text();
    for line in [
        "lockgate_queries_total{outcome=\"finished\",code=\"\"} 1",
        "lockgate_queries_total{outcome=\"refused\",code=\"COLUMN_NOT_FOUND\"} 1",
        "lockgate_http_requests_total{method=\"POST\",path=\"/v1/query\",status=\"404\"} 0",
        "lockgate_policy_reload_failures_total 0",
        "lockgate_policy_loaded_timestamp_seconds ",
        "lockgate_rows_sent_total 3",
        "lockgate_ledger_writable 1",
    ] {
        let absent = line.ends_with("\"} 0");
        assert_eq!(text.contains(line.trim_end_matches(" 0")), !absent, "{line}\n{text}");
    }
    for name in ["ann", "people", "mail", "SELECT"] {
        assert!(!text.contains(name), "{name}");
    }
    let open = World::with("metrics_open = true", 10).await;
    assert_eq!(send(open.client.get(open.url("/metrics"))).await.status, 200);
}
