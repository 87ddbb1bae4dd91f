//! One coordinator, as one source sees it: its address, the gateway's credentials, and which dialect it speaks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::RecordBatch;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::stream::BoxStream;
use lockgate_contract::{QueryContext, SourceError, SourceErrorKind, SqlServer, SqlStatement};
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Url};
use serde::Deserialize;
use tokio::sync::OnceCell;

use crate::client::{Client, Context, Patience, WireError};
use crate::config::{Credentials, Settings};
use crate::dialect::Dialect;
use crate::fault::Trouble;
use crate::statement;

/// A coordinator.
#[derive(Clone)]
pub(crate) struct Coordinator(Arc<Shared>);

struct Shared {
    source_name: String,
    /// Address, account and whom it runs as: what makes two sources one server.
    id: String,
    http: reqwest::Client,
    authorization: Option<HeaderValue>,
    url: Url,
    user: String,
    run_as_principal: bool,
    binary_results: bool,
    patience: Patience,
    dialect: OnceCell<Dialect>,
    /// How often what had been looked up was not to be trusted any more.
    n_changes: AtomicU64,
}

impl Coordinator {
    /// A coordinator that was not spoken to yet.
    ///
    /// # Errors
    /// When the authorities' file cannot be read.
    pub(crate) fn new(source_name: &str, settings: &Settings) -> Result<Self, SourceError> {
        let wrong =
            |text: String| SourceError::new(source_name, SourceErrorKind::Config, "its configuration is wrong", text);
        // An answer that leads elsewhere is not followed, and no proxy is asked: credentials go to this address alone.
        let mut http = reqwest::Client::builder().redirect(Policy::none()).no_proxy();
        if let Some(path) = &settings.ca {
            let pem = std::fs::read(path)
                .map_err(|error| wrong(format!("option `ca`: `{}` cannot be read: {error}", path.display())))?;
            let certificates = Certificate::from_pem_bundle(&pem).ok().filter(|certificates| !certificates.is_empty());
            let Some(certificates) = certificates else {
                return Err(wrong(format!("option `ca`: `{}` holds no PEM certificate", path.display())));
            };
            http = http.tls_built_in_root_certs(false);
            for certificate in certificates {
                http = http.add_root_certificate(certificate);
            }
        }
        let http =
            http.build().map_err(|_| wrong("the HTTP client cannot be made; is `ca` a certificate?".to_owned()))?;
        let authorization = match &settings.credentials {
            Credentials::None => None,
            Credentials::Password(password) => {
                Some(format!("Basic {}", BASE64.encode(format!("{}:{password}", settings.user))))
            }
            Credentials::Token(token) => Some(format!("Bearer {token}")),
        };
        let authorization = authorization
            .map(|text| {
                HeaderValue::try_from(text).map_err(|_| wrong("option `token` is no JSON web token".to_owned()))
            })
            .transpose()?;
        Ok(Self(Arc::new(Shared {
            source_name: source_name.to_owned(),
            id: format!(
                "{} as {}, {}",
                settings.url,
                settings.user,
                if settings.run_as_principal { "principal" } else { "service" }
            ),
            http,
            authorization,
            url: settings.url.clone(),
            user: settings.user.clone(),
            run_as_principal: settings.run_as_principal,
            binary_results: settings.binary_results,
            patience: Patience { answer: settings.answer, retry: settings.retry },
            dialect: OnceCell::new_with(settings.dialect),
            n_changes: AtomicU64::new(0),
        })))
    }

    /// How often a table was not as it had been looked up; what was looked up before the last time is not to be trusted.
    pub(crate) fn n_changes(&self) -> u64 {
        self.0.n_changes.load(Ordering::Acquire)
    }

    /// From now on nothing that was looked up before is to be trusted.
    pub(crate) fn distrust(&self) {
        self.0.n_changes.fetch_add(1, Ordering::AcqRel);
    }

    /// The error of this source for what went wrong.
    pub(crate) fn error(&self, trouble: &Trouble) -> SourceError {
        if trouble.kind() == SourceErrorKind::Changed {
            self.distrust();
        }
        trouble.of_source(&self.0.source_name)
    }

    /// The dialect, asked for once.
    ///
    /// # Errors
    /// When the coordinator does not answer, or is neither Presto nor Trino.
    pub(crate) async fn dialect(&self) -> Result<Dialect, WireError> {
        self.0.dialect.get_or_try_init(|| self.ask_version()).await.copied()
    }

    async fn ask_version(&self) -> Result<Dialect, WireError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Info {
            node_version: Version,
        }
        #[derive(Deserialize)]
        struct Version {
            version: String,
        }
        let info = self.as_user(Dialect::Trino, &self.0.user, Vec::new())?.get("/v1/info").await?;
        let info: Info =
            serde_json::from_slice(&info).map_err(|_| WireError::Odd("it is no coordinator".to_owned()))?;
        Dialect::of_version(&info.node_version.version)
            .ok_or_else(|| WireError::Odd("its version is unknown; set the source's option `dialect`".to_owned()))
    }

    /// A client for statements of one query.
    ///
    /// # Errors
    /// When the coordinator does not answer, or a name has no place in a header.
    pub(crate) async fn client(&self, query: &QueryContext) -> Result<Client, WireError> {
        let dialect = self.dialect().await?;
        let user = if self.0.run_as_principal && !query.principal.is_empty() { &query.principal } else { &self.0.user };
        let tag = |name: &str, value: &str| {
            (!value.is_empty()).then(|| format!("lockgate-{name}={}", value.replace(',', "_")))
        };
        let tags = [tag("query", &query.query_id), tag("purpose", &query.purpose)];
        self.as_user(dialect, user, tags.into_iter().flatten().collect())
    }

    fn as_user(&self, dialect: Dialect, user: &str, tags: Vec<String>) -> Result<Client, WireError> {
        let shared = &self.0;
        let binary = shared.binary_results && dialect == Dialect::Presto;
        let context = Context { user: user.to_owned(), tags, binary };
        Client::new(
            shared.http.clone(),
            shared.url.clone(),
            dialect,
            shared.authorization.clone(),
            &context,
            shared.patience,
        )
    }
}

impl fmt::Debug for Coordinator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Coordinator").field("source", &self.0.source_name).finish_non_exhaustive()
    }
}

impl SqlServer for Coordinator {
    fn id(&self) -> &str {
        &self.0.id
    }

    fn run(&self, statement: SqlStatement) -> BoxStream<'static, Result<RecordBatch, SourceError>> {
        statement::run(self.clone(), statement)
    }
}
