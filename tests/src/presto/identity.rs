//! Who asks: passwords, tokens and certificates over TLS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use lockgate_connector_presto::PrestoConnector;
use lockgate_contract::{Connector, Options, Source};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::tables::empty;
use super::{Test, fixture};
use crate::servers::{Identity, Server};

pub(super) const ALL: &[(&str, Test)] = &[
    ("statements_run_as_the_asker_where_the_source_says_so", run_as),
    ("passwords_and_tokens_are_checked_over_tls", signed_in),
    ("a_certificate_that_nobody_vouches_for_or_that_has_expired_is_refused", certificates),
];

async fn source(options: Value) -> Arc<dyn Source> {
    let mut all = json!({"catalog": "tpch", "user": "lockgate", "retry_seconds": 0});
    let map = all.as_object_mut().expect("options");
    map.extend(options.as_object().cloned().unwrap_or_default());
    PrestoConnector.open("src", &Options(map.clone())).await.unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// What the operator reads when the source cannot be used.
async fn refusal(options: Value) -> anyhow::Result<String> {
    let error = source(options).await.check().await.err().context("it can be used")?;
    Ok(error.internal)
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// A JSON web token for the user, signed with the server's key.
fn token(identity: &Identity, ends_at: u64) -> String {
    let key = BASE64_STANDARD.decode(identity.text("jwt.key")).expect("a key");
    let part = |part: Value| BASE64_URL_SAFE_NO_PAD.encode(part.to_string());
    let signed =
        format!("{}.{}", part(json!({"alg": "HS256", "typ": "JWT"})), part(json!({"sub": "lockgate", "exp": ends_at})));
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    mac.update(signed.as_bytes());
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn signed_in(server: &Server) -> anyhow::Result<()> {
    let identity = Identity::of_environment(server.dialect).context("LOCKGATE_SERVERS names no folder")?;
    let (url, ca, password) = (identity.text("address"), identity.path("ca.pem"), identity.text("password"));
    crate::runtime().block_on(async {
        for secret in [json!({"password": password}), json!({"token": token(&identity, seconds() + 600)})] {
            let mut options = json!({"url": url, "ca": ca, "dialect": server.dialect.name()});
            options.as_object_mut().context("options")?.extend(secret.as_object().cloned().unwrap_or_default());
            let source = source(options).await;
            source.check().await.map_err(|error| anyhow::anyhow!("{}", error.internal))?;
            ensure!(!source.tables().await?.is_empty(), "no tables");
        }
        for secret in [
            json!({"password": "another"}),
            json!({"token": token(&identity, seconds() - 600)}),
            json!({"token": token(&identity, seconds() + 600).replace('.', ".e30")}),
            json!({}),
        ] {
            let mut options = json!({"url": url, "ca": ca, "dialect": server.dialect.name()});
            options.as_object_mut().context("options")?.extend(secret.as_object().cloned().unwrap_or_default());
            let told = refusal(options).await?;
            ensure!(told.contains("refuses the gateway's credentials (HTTP 401"), "{told}");
            ensure!(!told.contains("another") && !told.contains("eyJ"), "a secret is told: {told}");
        }
        Ok(())
    })
}

fn certificates(server: &Server) -> anyhow::Result<()> {
    let identity = Identity::of_environment(server.dialect).context("LOCKGATE_SERVERS names no folder")?;
    crate::runtime().block_on(async {
        let told = refusal(json!({"url": identity.text("address"), "dialect": server.dialect.name()})).await?;
        ensure!(told.contains("certificate"), "{told}");
        let pem = identity.path("expired.pem");
        let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(&pem)?.collect();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain?, PrivateKeyDer::from_pem_file(&pem)?)?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("https://{}", listener.local_addr()?);
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                drop(acceptor.accept(stream).await);
            }
        });
        let told =
            refusal(json!({"url": url, "ca": identity.path("ca.pem"), "dialect": server.dialect.name()})).await?;
        serving.abort();
        ensure!(told.contains("certificate") && told.contains("expired"), "{told}");
        Ok(())
    })
}

fn run_as(server: &Server) -> anyhow::Result<()> {
    for (run_as, expected) in [("service", "lockgate"), ("principal", crate::behaviour::policy::PERSON.0)] {
        let tables = BTreeMap::from([("tiny.nation".to_owned(), empty(&["n_name"]))]);
        let fixture = fixture(&server.url, "tpch", json!({"run_as": run_as}), tables);
        crate::runtime().block_on(async {
            let mut running = fixture.start("SELECT n_name FROM src.tiny.nation").await.map_err(|error| anyhow::anyhow!("{error}"))?;
            let query_id = running.query_id();
            while let Some(batch) = futures::StreamExt::next(&mut running).await {
                batch.map_err(|error| anyhow::anyhow!("{error}"))?;
            }
            // The engine's own log and the ledger are joined by the query's id.
            let sql = "SELECT \"user\", query FROM system.runtime.queries WHERE source = 'lockgate' AND query LIKE 'SELECT %\"tiny\".\"nation\"%' \
                       ORDER BY created DESC LIMIT 1";
            let rows = server.fetch(sql).await.map_err(|error| anyhow::anyhow!("{error}"))?;
            let user = rows.first().and_then(|row| row[0].as_str()).context("the query is not known there")?;
            ensure!(user == expected, "{run_as}: {query_id} ran as {user}");
            Ok(())
        })?;
    }
    Ok(())
}
