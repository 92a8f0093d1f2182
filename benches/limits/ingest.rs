//! HTTP ingest of 1 KiB records from 64 connections against a handler that parses the same body and
//! stores nothing. The same client drives both, in turn.

use super::daemon::{Daemon, INGEST, RAW};
use actix_web::{App, HttpResponse, HttpServer, web};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const CONNECTIONS: usize = 64;
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 5;

fn body() -> Vec<u8> {
    let start = r#"{"id":123456,"kind":"trip","text":""#;
    let mut body = start.as_bytes().to_vec();
    body.resize(1024 - 2, b'x');
    body.extend_from_slice(b"\"}");
    body
}

/// Serves until killed; prints its address.
pub fn serve_nothing() {
    async fn parse(body: web::Bytes) -> HttpResponse {
        match serde_json::from_slice::<&serde_json::value::RawValue>(&body) {
            Ok(_) => HttpResponse::Ok().body(r#"{"accepted":1}"#),
            Err(error) => HttpResponse::BadRequest().body(error.to_string()),
        }
    }
    actix_web::rt::System::new().block_on(async {
        let app = || App::new().route("/streams/events/records", web::post().to(parse));
        let server = HttpServer::new(app).workers(2).bind("127.0.0.1:0").expect("bind");
        println!("{}", server.addrs()[0]);
        server.run().await.expect("serve");
    });
}

/// Reads one answer; true if it is a success.
async fn read_answer(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> bool {
    buffer.clear();
    loop {
        let mut chunk = [0; 4096];
        let read = socket.read(&mut chunk).await.expect("read");
        assert!(read > 0, "the server closed the connection");
        buffer.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(buffer).to_ascii_lowercase();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.and_then(|length| length.parse().ok()).expect("content-length");
            if buffer.len() >= end + 4 + length {
                return text.starts_with("http/1.1 200");
            }
        }
    }
}

/// Requests a second that were answered with success.
async fn load(address: &str) -> f64 {
    let body = body();
    let head = format!(
        "POST /streams/events/records HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), &body].concat();
    let until = Instant::now() + ROUND;
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (address, request) = (address.to_owned(), request.clone());
            tokio::spawn(async move {
                let mut socket = TcpStream::connect(&address).await.expect("connect");
                socket.set_nodelay(true).expect("nodelay");
                let (mut answered, mut buffer) = (0_u64, Vec::new());
                while Instant::now() < until {
                    socket.write_all(&request).await.expect("write");
                    assert!(
                        read_answer(&mut socket, &mut buffer).await,
                        "{}",
                        String::from_utf8_lossy(&buffer)
                    );
                    answered += 1;
                }
                answered
            })
        })
        .collect();
    let started = Instant::now();
    let mut answered = 0;
    for client in clients {
        answered += client.await.expect("client");
    }
    answered as f64 / started.elapsed().as_secs_f64()
}

/// Ingest alone, which has the target, and with a raw store behind it.
pub fn measure() {
    let (alone, with_raw) = (INGEST.to_owned(), [INGEST, RAW].concat());
    compare("HTTP ingest 1 KiB, 64 connections, fsync", &alone, Some(0.5));
    compare("the same while a raw store writes all of it out", &with_raw, None);
}

fn compare(what: &str, topology: &str, target: Option<f64>) {
    let folder = tempfile::tempdir_in(".").expect("folder");
    let daemon = Daemon::start(topology, &folder.path().join("data"));
    let this = std::env::current_exe().expect("this program");
    let mut nothing =
        Command::new(this).arg("serve-nothing").stdout(Stdio::piped()).spawn().expect("serve-nothing");
    let mut address = String::new();
    BufReader::new(nothing.stdout.take().expect("output")).read_line(&mut address).expect("address");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    let (mut ours, mut limit) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        limit.push(runtime.block_on(load(address.trim())));
        ours.push(runtime.block_on(load(&daemon.ingress)));
    }
    super::report(what, "requests/s", &ours, &limit, target);
    nothing.kill().expect("kill");
    nothing.wait().expect("wait");
}
