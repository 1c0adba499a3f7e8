//! Templates from sealed values to files.

use serde_json::json;

use crate::fixture::Host;
use crate::fixture::private;
use crate::fixture::user;
use secretctl::manifest::GrantedServices;

#[test]
fn a_template_is_rendered_and_only_a_new_result_restarts_its_unit() {
    private!();
    let mut host = Host::new();
    host.seal("key", b"s3 cret\n").seal("unused", b"x");
    let content = "KEY=<secret:key>\n<secret-if:extra>EXTRA=<secret:extra>\n<secret-end>";
    host.templates = vec![json!({
        "name": "app/env", "content": content, "format": "dotenv",
        "owner": "nobody", "mode": "0440", "restart_units": ["app.service"],
    })];
    host.activate(&[]).clean();
    assert_eq!(host.value("rendered/app/env"), "KEY=\"s3 cret\"\n");
    assert_eq!(host.attributes("rendered/app/env"), (user("nobody").0, 0, 0o440));
    let before = host.inode("rendered/app/env");

    host.seal("key", b"s3 cret\n").seal("unused", b"y").activate(&[]).clean();
    assert_eq!((host.inode("rendered/app/env"), host.units().0.len()), (before, 0));

    host.seal("extra", b"1").activate(&[]).clean();
    assert_eq!(host.value("rendered/app/env"), "KEY=\"s3 cret\"\nEXTRA=1\n");
    assert_eq!(host.units().0, ["app.service"]);
}

#[test]
fn a_template_whose_value_does_not_fit_keeps_its_last_good_text() {
    private!();
    let mut host = Host::new();
    host.secret("key", b"fits");
    host.templates = vec![json!({"name": "t", "content": "KEY=<secret:key>", "format": "dotenv"})];
    host.activate(&[]).clean();
    host.seal("key", b"does\nnot")
        .activate(&[])
        .exit(4)
        .says("`rendered/t`")
        .says("`key` cannot stand on line 1");
    assert_eq!((host.value("rendered/t"), host.value("key")), ("KEY=fits".into(), "does\nnot".into()));
}

#[test]
fn a_template_gets_only_what_its_service_may_read() {
    private!();
    let mut host = Host::new();
    let sonarr = GrantedServices::Only(["sonarr".parse().unwrap()].into());
    host.seal("key", b"v").grant("key", |entry| entry.services = sonarr);
    host.templates = vec![json!({"name": "t", "content": "<secret:key>"})];
    host.activate(&[]).exit(1).says("not to service `system`");
    assert!(!host.file("rendered/t").exists());
    host.templates[0]["service"] = json!("sonarr");
    host.activate(&[]).clean();
    assert_eq!(host.value("rendered/t"), "v");
}
