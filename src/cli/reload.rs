//! `caudal reload`: a running daemon reads its topology file again and changes to it.

use super::output::print;
use crate::{error::Failure, pipeline::http_server::reachable, settings::Settings, units::Span};
use reqwest::StatusCode;
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Longest wait for a connection to the daemon.
const CONNECT: Duration = Duration::from_secs(5);
const DOING: &str = "reloading";
const NO_TOKEN: &str =
    "the daemon asks for its token; set CAUDAL__ADMIN__TOKEN to the admin.token of its settings";

/// Arguments of `caudal reload`.
#[derive(Debug, Clone, clap::Args)]
pub struct ReloadArguments {
    /// Folder of all data of the running daemon [default: data]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Longest wait for the result, such as 30s; the reload goes on without it
    #[arg(long, value_name = "TIME", value_parser = parse_span, default_value = "5m")]
    pub wait: Span,
}

/// What the daemon wrote below its data folder.
#[derive(Deserialize)]
struct RunFile {
    pid: u32,
    admin: SocketAddr,
}

/// What the daemon answers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    reloaded: Option<String>,
    error: Option<String>,
}

fn parse_span(text: &str) -> Result<Span, String> {
    text.parse().map_err(|error| format!("{error}"))
}

pub(super) fn run(arguments: &ReloadArguments) -> Result<(), Failure> {
    let settings = Settings::load(None)?;
    let data = arguments.data.as_deref().unwrap_or(&settings.data);
    let daemon = find(data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::fault("starting threads", cause))?;
    let (status, answer) = runtime.block_on(ask(&daemon, &settings, arguments.wait))?;
    let told = answer.error.unwrap_or_else(|| format!("the daemon answered {status}"));
    match (status, answer.reloaded) {
        (_, Some(reloaded)) => print(&reloaded),
        (StatusCode::UNAUTHORIZED, None) => Err(Failure::Configuration(NO_TOKEN.to_owned())),
        (StatusCode::UNPROCESSABLE_ENTITY | StatusCode::FORBIDDEN, None) => {
            Err(Failure::Configuration(told.trim_end().to_owned()))
        }
        (_, None) => Err(Failure::fault(DOING, told.trim_end())),
    }
}

fn find(data: &Path) -> Result<RunFile, Failure> {
    let file = data.join("run.json");
    let text = std::fs::read(&file).map_err(|cause| {
        let remedy =
            "no daemon runs with this data folder; start `caudal run`, or choose another folder with --data";
        Failure::fault(format!("reading {}", file.display()), format!("{cause}; {remedy}"))
    })?;
    serde_json::from_slice(&text)
        .map_err(|cause| Failure::fault(format!("reading {}", file.display()), cause))
}

async fn ask(daemon: &RunFile, settings: &Settings, wait: Span) -> Result<(StatusCode, Answer), Failure> {
    let fault = |cause: reqwest::Error| {
        if cause.is_timeout() {
            let told =
                format!("no answer within {wait}; the reload goes on, see the daemon's log and /health");
            return Failure::fault(DOING, told);
        }
        let RunFile { pid, admin } = daemon;
        Failure::fault(format!("asking the daemon (process {pid}) at {admin}"), cause)
    };
    let client = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).timeout(wait.0).build();
    let url = format!("http://{}/reload", reachable(daemon.admin));
    let mut request = client.map_err(fault)?.post(url);
    if let Some(token) = &settings.admin.token {
        request = request.bearer_auth(token.secret());
    }
    let answer = request.send().await.map_err(fault)?;
    let status = answer.status();
    let body = answer.bytes().await.map_err(fault)?;
    let unreadable = |_| Answer {
        error: Some(format!("{status}: {}", String::from_utf8_lossy(&body))),
        ..Answer::default()
    };
    Ok((status, serde_json::from_slice(&body).unwrap_or_else(unreadable)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_run_file_the_folder_and_the_remedy_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let told = find(folder.path()).err().unwrap().to_string();
        assert!(told.contains("run.json") && told.contains("--data"), "{told}");
    }
}
