//! Who may use verbs.

use super::{
    Token,
    guard::{Barred, Guard, Headers},
};

const SECRET: &str = "0123456789abcdef";

fn guard(token: Option<&str>, is_loopback: bool) -> Guard {
    Guard { token: token.map(|token| Token::new(token).unwrap()), is_loopback }
}

fn from_here() -> Headers<'static> {
    Headers { host: Some("127.0.0.1:9464"), ..Headers::default() }
}

#[test]
fn without_a_token_only_programs_of_this_machine_may_use_verbs() {
    let guard = guard(None, true);
    for host in ["127.0.0.1:9464", "localhost", "LOCALHOST:80", "[::1]:9464", "[::1]", "127.8.0.1:1"] {
        assert_eq!(guard.check(&Headers { host: Some(host), ..from_here() }), Ok(()), "{host}");
    }
    for host in
        ["evil.example:9464", "localhost.evil.example", "10.0.0.1:9464", "[::2]:1", "[::1", "127.0.0.1:x", ""]
    {
        assert_eq!(guard.check(&Headers { host: Some(host), ..from_here() }), Err(Barred::Host), "{host}");
    }
    assert_eq!(guard.check(&Headers::default()), Err(Barred::Host));
}

#[test]
fn a_page_of_another_site_may_not_use_verbs_even_with_the_token() {
    let authorization = format!("Bearer {SECRET}");
    for (token, is_loopback) in [(None, true), (Some(SECRET), true), (Some(SECRET), false)] {
        let guard = guard(token, is_loopback);
        let allowed = Headers { authorization: Some(&authorization), ..from_here() };
        assert_eq!(guard.check(&allowed), Ok(()));
        for origin in ["http://evil.example", "http://127.0.0.1:9465", "null", "https://localhost:9464"] {
            let barred = guard.check(&Headers { origin: Some(origin), ..allowed });
            assert_eq!(barred, Err(Barred::CrossOrigin), "{origin}");
        }
        let same =
            Headers { origin: Some("http://127.0.0.1:9464"), fetched_from: Some("same-origin"), ..allowed };
        assert_eq!(guard.check(&same), Ok(()));
        for site in ["cross-site", "same-site"] {
            let barred = guard.check(&Headers { fetched_from: Some(site), ..allowed });
            assert_eq!(barred, Err(Barred::CrossOrigin), "{site}");
        }
    }
}

#[test]
fn a_token_is_asked_for_wherever_there_is_one_and_from_other_machines_always() {
    let right = format!("Bearer {SECRET}");
    for is_loopback in [true, false] {
        let guard = guard(Some(SECRET), is_loopback);
        for wrong in [
            None,
            Some("Bearer "),
            Some("Bearer 0123456789abcdeX"),
            Some(SECRET),
            Some("Basic 0123456789abcdef"),
        ] {
            let headers = Headers { authorization: wrong, ..from_here() };
            assert_eq!(guard.check(&headers), Err(Barred::Unauthorized), "{wrong:?}");
        }
        let named_elsewhere = Headers { host: Some("caudal.example:9464"), ..Headers::default() };
        let headers = Headers { authorization: Some(&right), ..named_elsewhere };
        assert_eq!(guard.check(&headers), Ok(()));
    }
    let barred =
        guard(None, false).check(&Headers { authorization: Some(&right), ..from_here() }).unwrap_err();
    assert_eq!(barred, Barred::NoToken);
    assert!(barred.to_string().contains("CAUDAL__ADMIN__TOKEN"));
}

#[test]
fn a_token_is_compared_whole_and_never_shown() {
    let token = Token::new(SECRET).unwrap();
    assert!(token.is(SECRET));
    let doubled = SECRET.repeat(2);
    for wrong in ["", "0", "0123456789abcde", "0123456789abcdeg", doubled.as_str()] {
        assert!(!token.is(wrong), "{wrong}");
    }
    assert!(!format!("{token:?}").contains(SECRET));
    for unfit in ["short", "with spaces in between it", "with-ümlauts-in-between"] {
        assert!(Token::new(unfit).unwrap_err().to_string().contains("openssl rand"), "{unfit}");
    }
}
