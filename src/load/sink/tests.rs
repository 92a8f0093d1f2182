use super::{Conduct, Sink};
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn post(client: &reqwest::Client, sink: &Sink) -> u16 {
    client.post(sink.url()).body("{\"messages\":[]}").send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_sink_takes_everything_until_it_is_out_and_again_after() {
    let (sink, client) = (Sink::start().await.unwrap(), reqwest::Client::new());
    assert_eq!(post(&client, &sink).await, 200);
    sink.conduct(Conduct { is_out: true, ..Conduct::default() });
    assert_eq!((post(&client, &sink).await, post(&client, &sink).await), (503, 503));
    sink.conduct(Conduct::default());
    assert_eq!(post(&client, &sink).await, 200);
    assert_eq!(sink.answered(), (2, 2));
}

#[tokio::test]
async fn a_slow_sink_takes_its_time_and_no_longer_once_it_is_quick_again() {
    let (sink, client) = (Sink::start().await.unwrap(), reqwest::Client::new());
    let delay = Duration::from_millis(30);
    sink.conduct(Conduct { delay, ..Conduct::default() });
    let begun = Instant::now();
    assert_eq!(post(&client, &sink).await, 200);
    assert!(begun.elapsed() >= delay);
    sink.conduct(Conduct { delay: Duration::from_secs(3_600), ..Conduct::default() });
    let waiting = post(&client, &sink);
    tokio::pin!(waiting);
    assert!(tokio::time::timeout(Duration::from_millis(20), &mut waiting).await.is_err());
    sink.conduct(Conduct::default());
    assert_eq!(waiting.await, 200);
}

#[tokio::test]
async fn who_speaks_no_http_is_left_and_others_are_served() {
    let (sink, client) = (Sink::start().await.unwrap(), reqwest::Client::new());
    let address = sink.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let endless = vec![b'a'; 64 << 10];
    for spoken in [&b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n"[..], &endless] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        // The sink may close before all was written.
        let _ = stream.write_all(spoken).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert_eq!(answer, b"");
    }
    assert_eq!(post(&client, &sink).await, 200);
    drop(sink);
    // It ends as soon as its task is looked at again.
    while TcpStream::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
