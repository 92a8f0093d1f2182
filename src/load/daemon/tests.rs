use super::{Daemon, DaemonError, Launch};
use std::{fs, path::Path, process::Command, time::Duration};

/// A program in the daemon's place: says that it is ready, with the addresses it was given.
const READY: &str = r#"#!/bin/sh
ingress=$6; admin=$8; aws=${10}
[ "$ingress" = 127.0.0.1:0 ] && ingress=127.0.0.1:7001
[ "$admin" = 127.0.0.1:0 ] && admin=127.0.0.1:7002
[ "$aws" = 127.0.0.1:0 ] && aws=127.0.0.1:7003
echo "$*"
mkdir -p "$4"
printf '{"pid":%s,"ingress":{"door":"%s"},"admin":"%s","aws":"%s"}' $$ $ingress $admin $aws > "$4/run.json.new"
mv "$4/run.json.new" "$4/run.json"
exec sleep 600
"#;

fn launch(folder: &Path, program: &str, patience: Duration) -> Launch {
    let file = folder.join("program");
    // Written by another process: one that this process had open could not be run while a test beside forks.
    let write = "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"";
    let written = Command::new("sh").args(["-c", write, "sh", program]).arg(&file).status().unwrap();
    assert!(written.success());
    Launch {
        program: file,
        topology: folder.join("topology.toml"),
        data: folder.join("data"),
        log: folder.join("daemon.log"),
        environment: Vec::new(),
        patience,
    }
}

fn is_running(id: u32) -> bool {
    Path::new(&format!("/proc/{id}")).exists()
}

#[tokio::test]
async fn a_restarted_daemon_listens_where_it_did_and_none_is_left_behind() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch(folder.path(), READY, Duration::from_secs(60));
    let log = launch.log.clone();
    let mut daemon = Daemon::start(launch).await.unwrap();
    assert_eq!(daemon.ingress.as_deref(), Some("http://127.0.0.1:7001"));
    assert_eq!(daemon.admin, "http://127.0.0.1:7002");
    assert_eq!(daemon.aws.as_deref(), Some("http://127.0.0.1:7003"));
    let (seen, first) = (daemon.process_id(), daemon.process_id().get().unwrap());
    daemon.kill();
    assert_eq!(seen.get(), None);
    assert!(!is_running(first));
    daemon.restart().await.unwrap();
    let second = seen.get().unwrap();
    assert!(second != first && is_running(second));
    let told = fs::read_to_string(log).unwrap();
    let again = "--ingress 127.0.0.1:7001 --admin 127.0.0.1:7002 --aws 127.0.0.1:7003 --log-format json --until-input-ends";
    assert!(told.lines().nth(1).unwrap().ends_with(again), "{told}");
    drop(daemon);
    assert!(!is_running(second), "a daemon outlived whoever started it");
}

#[tokio::test]
async fn a_daemon_that_does_not_start_is_told_with_the_end_of_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let failing =
        launch(folder.path(), "#!/bin/sh\necho 'no such stream' >&2\nexit 2\n", Duration::from_secs(60));
    let error = Daemon::start(failing).await.unwrap_err();
    assert!(matches!(error, DaemonError::Ended { .. }), "{error}");
    assert!(error.to_string().contains("no such stream"), "{error}");
    let silent = launch(folder.path(), "#!/bin/sh\nexec sleep 600\n", Duration::from_millis(50));
    let error = Daemon::start(silent).await.unwrap_err();
    assert!(matches!(error, DaemonError::NotReady { .. }), "{error}");
    let mut missing = launch(folder.path(), "", Duration::from_secs(60));
    missing.program = folder.path().join("nowhere");
    let error = Daemon::start(missing).await.unwrap_err().to_string();
    assert!(error.starts_with("starting") && error.contains("nowhere"), "{error}");
}
