#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use miette::Diagnostic;
use serde_json::Value;
use serde_json::json;

use super::*;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio";

fn request() -> Value {
    json!({
        "version": 1, "host": "forge", "sealed": "/nix/store/x-sealed-forge", "trusted_keys": [KEY],
        "identities": ["/etc/ssh/ssh_host_ed25519_key"],
    })
}

fn with(field: &str, value: &Value) -> Value {
    let mut request = request();
    request.as_object_mut().unwrap().insert(field.to_owned(), value.clone());
    request
}

fn parse(request: &Value) -> Result<Request, RequestError> {
    Request::parse(request.to_string().as_bytes(), &Places::of_anybody())
}

fn codes(request: &Value) -> Vec<&'static str> {
    match parse(request) {
        Ok(_) => Vec::new(),
        Err(RequestError::Invalid { mistakes }) => mistakes.iter().map(|mistake| mistake.code).collect(),
        Err(other) => {
            vec![if matches!(other, RequestError::Malformed { .. }) { "malformed" } else { "other" }]
        }
    }
}

fn secret_with(field: &str, value: &Value) -> Value {
    let mut secret = json!({"secret": "a/b"});
    secret.as_object_mut().unwrap().insert(field.to_owned(), value.clone());
    with("secrets", &json!([secret]))
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let request = parse(&with("secrets", &json!([{"secret": "a/b"}]))).unwrap();
    assert_eq!(request.mount, Path::new("/run/secretctl.d"));
    assert_eq!(request.link, Path::new("/run/secrets"));
    assert_eq!(request.state, Path::new("/var/lib/secretctl"));
    assert_eq!(request.runtime, Path::new("/run/secretctl"));
    assert_eq!(request.keep_generations.get(), 1);
    assert_eq!((request.rollback, request.swap), (RollbackRule::Accept, Swap::Refused));
    let (target, wanted) = request.files.first_key_value().unwrap();
    assert_eq!(target.as_str(), "a/b");
    assert_eq!((wanted.service.as_str(), wanted.phase, wanted.need), ("system", Phase::Main, Need::Required));
    let placement = &wanted.placement;
    assert!(
        placement.owner == Account::Runner && placement.group == Account::Runner && placement.path.is_none()
    );
    assert_eq!(placement.mode.bits(), 0o400);
}

#[test]
fn an_unknown_version_is_named_before_anything_else_is_looked_at() {
    let error = Request::parse(br#"{"version":2,"new":true}"#, &Places::default()).unwrap_err();
    assert!(matches!(error, RequestError::Version { found: 2 }));
    assert!(error.help().unwrap().to_string().contains("same release"));
    assert!(matches!(Request::parse(b"{}", &Places::default()), Err(RequestError::Malformed { .. })));
}

#[test]
fn unknown_fields_are_refused_everywhere() {
    assert_eq!(codes(&with("extra", &json!(1))), ["malformed"]);
    assert_eq!(codes(&secret_with("extra", &json!(1))), ["malformed"]);
    let template = json!([{"name": "t", "content": "", "extra": 1}]);
    assert_eq!(codes(&with("templates", &template)), ["malformed"]);
}

#[test]
fn a_name_that_leaves_its_folder_is_refused() {
    for name in ["..", "a/../b", "/etc/passwd", "a//b", "", "a/", ".x", "a\u{0}b"] {
        assert_eq!(codes(&secret_with("as", &json!(name))), ["request::name"], "{name:?}");
        let template = json!([{"name": name, "content": "x"}]);
        assert_eq!(codes(&with("templates", &template)), ["request::name"], "{name:?}");
    }
    assert_eq!(codes(&secret_with("as", &json!("rendered/x"))), ["request::reserved"]);
}

#[test]
fn two_entries_never_share_a_name_a_folder_or_a_path() {
    let secrets = |a: Value, b: Value| codes(&with("secrets", &json!([a, b])));
    let named = |name: &str| json!({"secret": "s", "as": name});
    assert_eq!(secrets(named("a"), named("a")), ["request::as_twice"]);
    assert_eq!(secrets(named("a"), named("a/b")), ["request::as_is_folder"]);
    assert_eq!(secrets(named("a/b/c"), named("a")), ["request::as_is_folder"]);
    assert!(secrets(named("a"), named("a-b")).is_empty());
    let linked = |name: &str| json!({"secret": "s", "as": name, "path": "/etc/x"});
    assert_eq!(secrets(linked("a"), linked("b")), ["request::path_twice"]);
}

#[test]
fn a_custom_path_is_plain_absolute_and_not_our_own() {
    for path in ["x", "", "/a/../b", "/a/./b", "/", "/a\nb"] {
        assert_eq!(codes(&secret_with("path", &json!(path))), ["request::path"], "{path:?}");
    }
    for path in
        ["/run/secrets/x", "/run/secretctl.d/x", "/run/secrets", "/var/lib/secretctl/state.json", "/run"]
    {
        assert_eq!(codes(&secret_with("path", &json!(path))), ["request::path_inside"], "{path:?}");
    }
    assert!(codes(&secret_with("path", &json!("/etc/wireguard/key"))).is_empty());
}

#[test]
fn values_that_would_weaken_a_file_are_refused() {
    for (field, value, code) in [
        ("mode", "4400", "request::mode"),
        ("mode", "0402", "request::mode"),
        ("mode", "r--", "request::mode"),
        ("owner", "a b", "request::owner"),
        ("owner", "4294967295", "request::owner"),
        ("group", "../x", "request::group"),
        ("service", "x.service", "request::service"),
    ] {
        assert_eq!(codes(&secret_with(field, &json!(value))), [code], "{value}");
    }
    assert_eq!(codes(&secret_with("restart_units", &json!(["a", "b;c.service"]))), ["request::unit"; 2]);
}

#[test]
fn before_users_exist_only_root_owns_files() {
    let secret = |owner: &str, group: &str| {
        codes(&with("secrets", &json!([{"secret": "s", "phase": "users", "owner": owner, "group": group}])))
    };
    assert!(secret("root", "0").is_empty());
    assert_eq!(secret("sonarr", "root"), ["request::users_phase_owner"]);
    assert_eq!(secret("0", "media"), ["request::users_phase_owner"]);
}

#[test]
fn the_request_as_a_whole_is_checked_too() {
    for (field, value, code) in [
        ("identities", json!(["/nix/store/x-key"]), "request::identity_in_store"),
        ("identities", json!(["/etc/../nix/./store/x-key"]), "request::identity_in_store"),
        ("identities", json!(["key"]), "request::path"),
        ("keep_generations", json!(0), "request::keep_generations"),
        ("trusted_keys", json!([]), "request::no_trusted_key"),
        ("trusted_keys", json!(["ssh-rsa AAAA"]), "request::trusted_key"),
        ("link", json!("/run/secretctl.d/current"), "request::folders"),
        ("host", json!("a/b"), "request::host"),
        ("sealed", json!("sealed"), "request::path"),
        ("templates", json!([{"name": "t", "content": "a\n<secret:../x>"}]), "request::template"),
    ] {
        assert_eq!(codes(&with(field, &value)), [code], "{field}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_with_their_place() {
    let secrets = json!([{"secret": "ok", "mode": "7777"}, {"secret": "../x", "owner": "a b"}]);
    let RequestError::Invalid { mistakes } = parse(&with("secrets", &secrets)).unwrap_err() else {
        unreachable!("the request parses")
    };
    let places: Vec<&str> = mistakes.iter().map(|mistake| mistake.place.as_str()).collect();
    assert_eq!(places, ["secrets[0] (`ok`).mode", "secrets[1] (`../x`).secret", "secrets[1] (`../x`).owner"]);
}

#[test]
fn a_path_may_start_with_a_folder_of_the_user_and_only_start_with_it() {
    let home = |name: &str| (name == "HOME").then(|| "/home/aki".into());
    let parse = |request: &Value, places: &Places| Request::parse(request.to_string().as_bytes(), places);
    let mut asked = secret_with("path", &json!("%h/.config/x"));
    for (field, value) in
        [("mount", "%h/m"), ("link", "%h/l"), ("runtime", "%h/r"), ("state", "%S"), ("metrics", "%S.prom")]
    {
        asked.as_object_mut().unwrap().insert(field.to_owned(), json!(value));
    }
    assert!(
        matches!(parse(&asked, &Places::of(home)), Err(RequestError::Invalid { .. })),
        "`%S.prom` is no folder"
    );
    asked.as_object_mut().unwrap().insert("metrics".to_owned(), json!("%S/x.prom"));
    asked.as_object_mut().unwrap().insert("state".to_owned(), json!("%S/secretctl"));
    asked.as_object_mut().unwrap().insert("identities".to_owned(), json!(["%h/.ssh/id_ed25519", "/etc/%h"]));
    let request = parse(&asked, &Places::of(home)).unwrap();
    assert_eq!(request.mount, Path::new("/home/aki/m"));
    assert_eq!(request.state, Path::new("/home/aki/.local/state/secretctl"));
    assert_eq!(request.metrics.as_deref(), Some(Path::new("/home/aki/.local/state/x.prom")));
    assert_eq!(request.identities, [Path::new("/home/aki/.ssh/id_ed25519"), Path::new("/etc/%h")]);
    let (_, wanted) = request.files.first_key_value().unwrap();
    assert_eq!(wanted.placement.path.as_deref(), Some(Path::new("/home/aki/.config/x")));
    assert!(parse(&asked, &Places::of_anybody()).is_ok());
    let Err(RequestError::Invalid { mistakes }) = parse(&asked, &Places::default()) else {
        panic!("a folder that nothing names was found")
    };
    assert_eq!(mistakes.len(), 7, "{mistakes:?}");
    assert!(mistakes.iter().all(|mistake| mistake.code == "request::specifier"));
}

#[test]
fn rules_for_paths_hold_for_what_a_specifier_stands_for() {
    let at = |home: &'static str| Places::of(move |name| (name == "HOME").then(|| home.into()));
    let codes =
        |request: &Value, places: &Places| match Request::parse(request.to_string().as_bytes(), places) {
            Ok(_) => Vec::new(),
            Err(RequestError::Invalid { mistakes }) => mistakes.iter().map(|mistake| mistake.code).collect(),
            Err(other) => panic!("{other}"),
        };
    let link = with("link", &json!("%h"));
    assert_eq!(codes(&link, &at("/home/aki")), [""; 0]);
    assert_eq!(codes(&link, &at("/run/secretctl.d/x")), ["request::folders"]);
    assert_eq!(codes(&link, &at("/home/../x")), ["request::path"]);
    assert_eq!(
        codes(&with("identities", &json!(["%h/key"])), &at("/nix/store/x")),
        ["request::identity_in_store"]
    );
    assert_eq!(codes(&with("sealed", &json!("%h/sealed")), &at("/home/aki")), ["request::path"]);
}

#[test]
fn owners_that_are_left_out_or_null_are_whoever_runs_the_program() {
    for value in [json!(null), json!("aki"), json!("root")] {
        let request = parse(&secret_with("owner", &value)).unwrap();
        let owner = &request.files.first_key_value().unwrap().1.placement.owner;
        match value.as_str() {
            None => assert_eq!(*owner, Account::Runner),
            Some(name) => assert_eq!(*owner, Account::Name(name.to_owned())),
        }
    }
}

#[test]
fn labels_of_launchd_are_names_where_the_request_says_so() {
    let units = json!(["org.nixos.sonarr"]);
    assert_eq!(codes(&secret_with("restart_units", &units)), ["request::unit"]);
    let mut asked = secret_with("restart_units", &units);
    asked.as_object_mut().unwrap().insert("manager".to_owned(), json!("launchd"));
    assert_eq!(parse(&asked).unwrap().manager, ServiceManager::Launchd);
    asked.as_object_mut().unwrap().insert("manager".to_owned(), json!("sysvinit"));
    assert_eq!(codes(&asked), ["malformed"]);
}
