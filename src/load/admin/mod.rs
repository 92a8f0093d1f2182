//! What is asked of a daemon's admin server.

mod pages;

pub use pages::{Activity, Health, Node, Observation, Pool};

use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// Longest wait for an answer: the admin server has a thread of its own, so that it answers under load.
const WAIT: Duration = Duration::from_secs(5);
/// Longest part of an answer that is quoted, in characters.
const QUOTED: usize = 300;

/// An admin server, by its URL.
#[derive(Debug, Clone)]
pub struct Admin {
    client: reqwest::Client,
    url: String,
}

/// Why an admin server did not answer as it should.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("asking {url}: {cause}")]
    Unreachable { url: String, cause: reqwest::Error },
    #[error("{url} answered {status}: {told}")]
    Refused { url: String, status: u16, told: String },
    #[error("{url} answered what cannot be read: {cause}")]
    Unreadable { url: String, cause: serde_json::Error },
}

impl Admin {
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new(url: &str) -> Result<Self, AdminError> {
        let url = url.trim_end_matches('/').to_owned();
        let client = reqwest::Client::builder().no_proxy().timeout(WAIT).build();
        let client = client.map_err(|cause| AdminError::Unreachable { url: url.clone(), cause })?;
        Ok(Self { client, url })
    }

    /// What `/health` tells; a failed node is told with 503, and is no error here.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn health(&self) -> Result<Health, AdminError> {
        let url = format!("{}/health", self.url);
        let (_, body) = answered(&url, self.client.get(&url)).await?;
        serde_json::from_slice(&body).map_err(|cause| AdminError::Unreadable { url, cause })
    }

    /// The latest decisions of a pool, newest first.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn activities(&self, pool: &str) -> Result<Vec<Activity>, AdminError> {
        self.get(&format!("/pools/{pool}/activities")).await
    }

    /// What Prometheus scrapes.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn metrics(&self) -> Result<String, AdminError> {
        let url = format!("{}/metrics", self.url);
        let (status, body) = answered(&url, self.client.get(&url)).await?;
        good(&url, status, &body)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Lets a pool's policies decide nothing until they are resumed.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn suspend(&self, pool: &str) -> Result<(), AdminError> {
        self.post(&format!("/pools/{pool}/suspend"), &()).await
    }

    /// # Errors
    /// See [`AdminError`].
    pub async fn resume(&self, pool: &str) -> Result<(), AdminError> {
        self.post(&format!("/pools/{pool}/resume"), &()).await
    }

    /// Orders a capacity, which must lie within the pool's bounds.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn order(&self, pool: &str, desired: u32) -> Result<(), AdminError> {
        self.post(&format!("/pools/{pool}/desired"), &serde_json::json!({ "desired": desired })).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AdminError> {
        let url = format!("{}{path}", self.url);
        let (status, body) = answered(&url, self.client.get(&url)).await?;
        good(&url, status, &body)?;
        serde_json::from_slice(&body).map_err(|cause| AdminError::Unreadable { url, cause })
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<(), AdminError> {
        let url = format!("{}{path}", self.url);
        let body =
            serde_json::to_vec(body).map_err(|cause| AdminError::Unreadable { url: url.clone(), cause })?;
        let request =
            self.client.post(&url).header(reqwest::header::CONTENT_TYPE, "application/json").body(body);
        let (status, body) = answered(&url, request).await?;
        good(&url, status, &body)
    }
}

async fn answered(url: &str, request: reqwest::RequestBuilder) -> Result<(u16, bytes::Bytes), AdminError> {
    let unreachable =
        |cause: reqwest::Error| AdminError::Unreachable { url: url.to_owned(), cause: cause.without_url() };
    let answer = request.send().await.map_err(unreachable)?;
    let status = answer.status().as_u16();
    Ok((status, answer.bytes().await.map_err(unreachable)?))
}

fn good(url: &str, status: u16, body: &[u8]) -> Result<(), AdminError> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let told = String::from_utf8_lossy(body).trim().chars().take(QUOTED).collect();
    Err(AdminError::Refused { url: url.to_owned(), status, told })
}
