//! Beside sops-nix and agenix, and in their place afterwards.

use serde_json::json;

use crate::host::Host;
use crate::machine::Machine;
use crate::machine::on_each_systemd;

/// Makes what another tool leaves: a generation in memory, and a link to it. Arguments: link, mount, secret, value.
const THEIRS: &str = r"
    theirs() {
      mkdir -p $2
      mountpoint -q $2 || mount -t tmpfs tmpfs $2
      mkdir -p $2/1
      echo -n $4 >$2/1/$3
      ln -sfT $2/1 $1
    }
";

on_each_systemd! {
    fn each_tool_has_its_own_link_until_the_last_secret_has_moved_and_then_it_is_ours(systemd: Systemd) {
        let mut host = Host::new();
        host.seal("app/key", b"ours").want("app/key", json!({"restart_units": ["app.service"]}));
        host.fields.insert("link", json!("/run/secretctl-files"));
        let machine = Machine::new(systemd, &host);
        machine.system("beside", &host);
        host.fields.remove("link");
        host.seal("moved", b"moved").want("moved", json!({}));
        machine.system("alone", &host);
        let ran = machine.boot("beside", &format!(r"{THEIRS}
            theirs /run/secrets /run/secrets.d old theirs
            systemctl restart secretctl
            echo $(</run/secretctl-files/app/key) $(</run/secrets/old) >both
            readlink /run/secrets >before
            switch alone
            echo $(</run/secrets/app/key) $(</run/secrets/moved) >after
            readlink /run/secrets >link
            find /run -maxdepth 1 -name secretctl-files >left
            find /run/secretctl.d -mindepth 1 -maxdepth 1 -type d -printf '%f\n' >generations
        "));
        ran.clean();
        assert_eq!(ran.text("both"), "ours theirs\n");
        assert_eq!(ran.text("before"), "/run/secrets.d/1\n");
        assert_eq!(ran.text("after"), "ours moved\n");
        assert!(ran.text("link").starts_with("/run/secretctl.d/"), "{}", ran.text("link"));
        assert_eq!(ran.lines("generations").len(), 1, "{:?}", ran.lines("generations"));
    }

    fn the_folder_that_agenix_leaves_becomes_a_link_to_ours(systemd: Systemd) {
        let mut host = Host::new();
        host.seal("token", b"ours").want("token", json!({}));
        host.templates = vec![json!({"name": "env", "content": "KEY=<secret:token>"})];
        let machine = Machine::new(systemd, &host);
        machine.system("a", &host);
        // The line that `secretctl.compat.agenix` makes.
        let ran = machine.boot("a", &format!(r"{THEIRS}
            theirs /run/agenix /run/agenix.d token theirs
            echo $(</run/agenix/token) >before
            mkdir -p /run/tmpfiles.d
            echo 'L+ /run/agenix - - - - /run/secrets' >/run/tmpfiles.d/compat.conf
            systemd-tmpfiles --create --prefix=/run/agenix
            echo $(</run/agenix/token) $(</run/agenix/rendered/env) >after
            cat /run/agenix.d/1/token >kept
        "));
        ran.clean();
        assert_eq!(ran.text("before"), "theirs\n");
        assert_eq!(ran.text("after"), "ours KEY=ours\n");
        // What agenix had decrypted stays in its own memory until somebody unmounts it.
        assert_eq!(ran.text("kept"), "theirs");
    }
}
