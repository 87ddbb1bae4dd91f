//! The HTTP door: from a request to its endpoint, with the caller signed in on the way.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::any;
use futures::FutureExt;
use http::{HeaderMap, Request};
use lockgate_engine::{Engine, Error, Session};
use lockgate_policies::{Asker, Env, PolicySet, PolicyStore};
use lockgate_wire::ErrorCode;

use super::answer;
use super::endpoints::{ENDPOINTS, Endpoint, EndpointId, Needs};
use super::{cancel, catalog, explain, health, openapi, progress, query};
use crate::auth::{Caller, UserStore, bearer_digest, declared_purpose, unauthenticated};
use crate::ledger::FileLedger;
use crate::metrics::Metrics;

/// What the door hands requests to. Clones share everything.
#[derive(Clone)]
pub struct Door {
    shared: Arc<DoorParts>,
}

/// The parts that a door is made of.
pub struct DoorParts {
    /// Answers queries.
    pub engine: Engine,
    /// The policy in force.
    pub policies: Arc<PolicyStore>,
    /// Who may sign in.
    pub users: Arc<UserStore>,
    /// The audit ledger; the door only asks whether it can be written.
    pub ledger: Arc<FileLedger>,
    /// Figures.
    pub metrics: Arc<Metrics>,
    /// Names of the configured sources.
    pub sources: Vec<String>,
    /// Site of this gateway.
    pub site: String,
    /// Largest request body in bytes.
    pub max_body: usize,
    /// Whether `/metrics` answers without a token.
    pub metrics_open: bool,
}

impl Door {
    /// A door made of these parts.
    pub fn new(parts: DoorParts) -> Self {
        Self { shared: Arc::new(parts) }
    }

    /// The door's routes.
    pub fn router(&self) -> Router {
        let mut paths: Vec<&'static str> = ENDPOINTS.iter().map(|endpoint| endpoint.path).collect();
        paths.dedup();
        let mut router = Router::new();
        for path in paths {
            router = router.route(path, any(handle));
        }
        router.fallback(handle).with_state(self.clone())
    }

    /// Answers one request. Whatever goes wrong becomes a problem document, a panic too.
    async fn answer(&self, request: Request<Body>) -> Response {
        let Some(endpoint) = Endpoint::find(request.method().as_str(), request.uri().path()) else {
            return answer::elsewhere(request.method(), request.uri().path());
        };
        let answered = AssertUnwindSafe(self.dispatch(endpoint, request)).catch_unwind().await;
        let answered = answered.unwrap_or_else(|_| Err(Error::new(ErrorCode::Internal, "the gateway failed")));
        let response = answered.unwrap_or_else(|error| {
            answer::log(&error, "before the first row");
            answer::problem(&error)
        });
        self.metrics().answered(endpoint.method, endpoint.path, response.status().as_u16());
        response
    }

    async fn dispatch(&self, endpoint: &Endpoint, request: Request<Body>) -> Result<Response, Error> {
        // INVARIANT: nothing of a request but its token is looked at before the token is found to be valid.
        let (parts, body) = request.into_parts();
        let headers = &parts.headers;
        match endpoint.needs {
            Needs::Nothing | Needs::TokenForDetails => {}
            Needs::TokenUnlessOpen if self.shared.metrics_open => {}
            Needs::TokenUnlessOpen => drop(self.caller(headers)?),
            Needs::TokenAndPurpose => {
                let session = self.session(self.caller(headers)?, headers)?;
                return match endpoint.id {
                    EndpointId::QueryPost => query::post(self, &session, &parts, body).await,
                    EndpointId::QueryGet => query::get(self, &session, &parts).await,
                    EndpointId::QueryDelete => cancel::delete(self, &session, &parts),
                    EndpointId::Progress => progress::get(self, &session, &parts),
                    EndpointId::Catalog => catalog::get(self, &session, &parts).await,
                    EndpointId::PolicyExplain => explain::get(self, &session, &parts).await,
                    EndpointId::Healthz | EndpointId::Metrics | EndpointId::OpenApi => Err(misrouted()),
                };
            }
        }
        match endpoint.id {
            EndpointId::Healthz => health::get(self, headers),
            EndpointId::Metrics => super::metrics::get(self, headers),
            EndpointId::OpenApi => openapi::get(headers),
            EndpointId::QueryPost
            | EndpointId::QueryGet
            | EndpointId::QueryDelete
            | EndpointId::Progress
            | EndpointId::Catalog
            | EndpointId::PolicyExplain => Err(misrouted()),
        }
    }

    /// The signed-in caller, or UNAUTHENTICATED.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Error> {
        let found = bearer_digest(headers).and_then(|digest| {
            self.shared.users.current().find(&digest).cloned().ok_or_else(|| unauthenticated("the token is not valid"))
        });
        found.inspect_err(|_| self.metrics().sign_in_failed())
    }

    /// The session of a signed-in caller, or PURPOSE_REQUIRED or PURPOSE_UNKNOWN.
    fn session(&self, caller: Caller, headers: &HeaderMap) -> Result<Session, Error> {
        let purpose = declared_purpose(headers)?;
        let policy = self.shared.policies.current();
        if !policy.knows_purpose(purpose) {
            return Err(purpose_unknown(&policy));
        }
        let dc = caller.dc.unwrap_or_else(|| self.shared.site.clone());
        let env = Env { dc, site: self.shared.site.clone(), today: chrono::Utc::now().date_naive() };
        let asker = Asker { principal: caller.principal, purpose: purpose.to_owned(), env };
        Ok(Session { asker, door: "http", standing: caller.standing })
    }

    /// The policy in force.
    pub fn policies(&self) -> &PolicyStore {
        &self.shared.policies
    }

    /// The engine that answers.
    pub fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub(super) fn parts(&self) -> &DoorParts {
        &self.shared
    }

    pub(super) fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    pub(super) fn max_body(&self) -> usize {
        self.shared.max_body
    }
}

async fn handle(State(door): State<Door>, request: Request<Body>) -> Response {
    door.answer(request).await
}

fn purpose_unknown(policy: &PolicySet) -> Error {
    let known: Vec<String> = policy.purposes().map(|purpose| format!("`{}`", purpose.name)).collect();
    Error::new(ErrorCode::PurposeUnknown, "the declared purpose is not one that the policy knows")
        .with_hint(format!("known are {}", known.join(", ")))
}

fn misrouted() -> Error {
    Error::new(ErrorCode::Internal, "the gateway failed")
        .with_internal("an endpoint does not need what it is routed by")
}
