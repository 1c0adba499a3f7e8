# What evaluation must refuse: by name, a configuration and words of the message. Each stands on a host that is fine otherwise.
{ lib }:

let
  alpha = module: { imports = [ ./alpha.nix module ]; };
  secret = name: fields: alpha { secretctl.secrets.${name} = fields; };
in
{
  silence = {
    module = secret "silent" { };
    says = [
      "secretctl.secrets.\"silent\": host `alpha` may not read secret `silent`: no rule allows it."
      "secretctl policy explain silent alpha system"
      "secretctl seal"
    ];
  };
  denial-with-rule = {
    module = secret "prod/db" { };
    says = [ "the rule at policies/access.rhai:7:1 denies it (lab machines are shared)" ];
  };
  ended-grant = {
    module = secret "prod/old" { };
    says = [ "policies/access.rhai:8:1 allowed it until its time was over (it ended at 2026-01-01T00:00:00Z)" ];
  };
  denial-of-one-service = {
    module = secret "app/key" { service = "worker"; };
    says = [ "policies/access.rhai:9:1 denies it (workers keep no keys)" ];
  };
  wrong-service = {
    module = secret "app/key" { service = "dynamic"; owner = "root"; group = "root"; };
    says = [ "granted to `app` on this host, not to service `dynamic`" ];
  };
  unknown-secret = {
    module = secret "app/kye" { service = "app"; };
    says = [
      "the fleet has no source `secrets/app/kye.age`"
      "secretctl set app/kye"
    ];
  };
  placeholder-of-a-template = {
    module = alpha {
      secretctl.templates."app.env" = {
        service = "app";
        content = "A=<secret:app/key>\nB=<secret:silent|trim>\n";
      };
    };
    says = [ "secretctl.templates.\"app.env\": host `alpha` may not read secret `silent`" ];
  };
  credential-of-a-service = {
    module = alpha { secretctl.services.app.secrets.token.secret = "silent"; };
    says = [ "secretctl.services.\"app\".secrets.\"token\": host `alpha` may not read secret `silent`" ];
  };

  unknown-user = {
    module = secret "any/token" { owner = "nobody-here"; };
    says = [
      "secretctl.secrets.\"any/token\".owner: there is no user `nobody-here` on this host"
      "Declare `users.users.nobody-here`"
    ];
  };
  unknown-group = {
    module = secret "any/token" { group = "nobodies"; };
    says = [ ".group: there is no group `nobodies` on this host" ];
  };
  unknown-unit = {
    module = secret "any/token" { restartUnits = [ "sonar.service" ]; };
    says = [
      "there is no unit `sonar.service` on this host"
      "secretctl.externalUnits"
    ];
  };
  unknown-unit-to-reload = {
    module = secret "any/token" { reloadUnits = [ "nginx@x.service" ]; };
    says = [ "there is no unit `nginx@x.service`" ];
  };
  unit-of-users = {
    module = alpha {
      systemd.user.services.webdav.script = "serve";
      secretctl.secrets."any/token".restartUnits = [ "webdav.service" ];
    };
    says = [ "`webdav.service` is a unit of users" "home-manager" ];
  };
  template-to-restart = {
    module = secret "any/token" { restartUnits = [ "page@.service" ]; };
    says = [ "`page@.service` is a template" "`page@NAME.service`" ];
  };
  template-with-a-credential = {
    module = alpha { secretctl.services."page@".secrets.t.secret = "any/token"; };
    says = [ "secretctl.services.\"page@\".secrets.\"t\": `page@.service` is a template" ];
  };
  service-with-its-suffix = {
    module = secret "any/token" { service = "app.service"; };
    says = [ "secretctl.secrets.\"any/token\".service: services are named without `.service`" "Write `app`" ];
  };
  user-that-is-switched-off = {
    module = alpha {
      users.users.app.enable = false;
      secretctl.secrets."app/key".service = "app";
    };
    says = [ "secretctl.secrets.\"app/key\".owner: there is no user `app` on this host" ];
  };
  unknown-service-of-a-credential = {
    module = alpha { secretctl.services.ap.secrets.token.secret = "any/token"; };
    says = [ "there is no unit `ap.service` on this host" ];
  };
  unknown-owner-of-a-template = {
    module = alpha {
      secretctl.templates.x = {
        content = "";
        owner = "nobody-here";
      };
    };
    says = [ "secretctl.templates.\"x\".owner: there is no user `nobody-here`" ];
  };
  file-for-a-dynamic-user = {
    module = secret "dynamic/key" { service = "dynamic"; };
    says = [
      "`DynamicUser`"
      "deliver = \"credential\""
    ];
  };

  password-that-comes-too-late = {
    module = alpha ({ config, ... }: {
      secretctl.secrets."system/hash" = { };
      users.users.app.hashedPasswordFile = config.secretctl.secrets."system/hash".path;
    });
    says = [
      "users.users.\"app\".hashedPasswordFile: secretctl.secrets.\"system/hash\" is installed only after users are created"
      "Set `secretctl.secrets.\"system/hash\".neededForUsers = true`"
    ];
  };
  password-of-a-template = {
    module = alpha ({ config, ... }: {
      secretctl.templates.hash.content = "x";
      users.users.app.hashedPasswordFile = config.secretctl.templates.hash.path;
    });
    says = [ "secretctl.templates.\"hash\" is installed only after users are created" "Deliver the hash as a secret" ];
  };
  early-file-of-somebody = {
    module = secret "system/hash" {
      neededForUsers = true;
      owner = "app";
    };
    says = [ "only root can own what is there before users are created" ];
  };
  early-file-whose-key-is-mounted-late = {
    module = alpha {
      fileSystems."/persist" = {
        device = "/dev/sdb";
        fsType = "ext4";
      };
      secretctl.identities = [ "/persist/key" ];
      secretctl.secrets."system/hash".neededForUsers = true;
    };
    says = [
      "`/persist/key` lies on `/persist`, which is mounted only after users are created"
      "fileSystems.\"/persist\".neededForBoot = true"
    ];
  };

  identity-on-tmpfs = {
    module = alpha {
      fileSystems."/" = {
        device = "none";
        fsType = lib.mkForce "tmpfs";
      };
      secretctl.secrets."any/token" = { };
    };
    says = [
      "secretctl.identities: `/etc/ssh/ssh_host_ed25519_key` lies on `/`, which is empty after a reboot"
      "\"/persist/etc/ssh/ssh_host_ed25519_key\""
    ];
  };
  identity-on-a-root-that-is-rolled-back = {
    module = alpha {
      secretctl.volatilePaths = [ "/" ];
      secretctl.secrets."any/token" = { };
    };
    says = [ "lies on `/`, which is empty after a reboot" ];
  };
  identity-in-a-folder-that-is-emptied = {
    module = alpha {
      secretctl.volatilePaths = [ "/etc/" ];
      secretctl.secrets."any/token" = { };
    };
    says = [ "lies on `/etc`, which is empty after a reboot" ];
  };
  identity-that-is-public = {
    module = alpha {
      secretctl.identities = [ "/etc/ssh/ssh_host_ed25519_key.pub" ];
      secretctl.secrets."any/token" = { };
    };
    says = [ "is the public half of a key" "Name the private one, `/etc/ssh/ssh_host_ed25519_key`" ];
  };
  identity-on-the-network = {
    module = alpha {
      fileSystems."/home" = {
        device = "server:/home";
        fsType = "nfs4";
      };
      secretctl.identities = [ "/home/app/key" ];
      secretctl.secrets."any/token" = { };
    };
    says = [ "secretctl.identities: `/home/app/key` lies on `/home`, which comes over the network" ];
  };
  state-on-the-network = {
    module = alpha {
      fileSystems."/var/lib/secretctl" = {
        device = "/dev/disk/by-path/iscsi";
        fsType = "ext4";
        options = [ "_netdev" ];
      };
      secretctl.secrets."any/token" = { };
    };
    says = [ "secretctl.state: `/var/lib/secretctl` lies on `/var/lib/secretctl`, which comes over the network" ];
  };
  no-identity = {
    module = alpha {
      secretctl.identities = [ ];
      secretctl.secrets."any/token" = { };
    };
    says = [ "this host has no private key to open its secrets with" ];
  };
  private-key-in-a-template = {
    module = alpha {
      secretctl.templates.x.content = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
    };
    says = [ "the text holds a private key, and it would lie in the Nix store" ];
  };

  credential-with-a-long-name = {
    module = alpha {
      secretctl.services.app.secrets.${lib.concatStrings (lib.genList (_: "x") 73)}.secret = "any/token";
    };
    says = [ "too long for systemd: 84 characters with the unit's name, at most 83" ];
  };
  credential-with-an-id-that-systemd-does-not-take = {
    module = alpha { secretctl.services.app.secrets."a/b".secret = "any/token"; };
    says = [ "secretctl.services.\"app\".secrets.\"a/b\": `a/b` cannot be the id of a credential" ];
  };
  two-credentials-of-one-id = {
    module = alpha {
      secretctl.services.app.secrets.key = { };
      secretctl.secrets."app/key" = {
        service = "app";
        deliver = "credential";
        credential = "key";
      };
    };
    says = [ "systemd.services.\"app\".serviceConfig.LoadCredential: credential `key` comes from more than one place" ];
  };
  credential-that-the-unit-has-already = {
    module = alpha {
      systemd.services.app.serviceConfig.LoadCredential = "key:/etc/key";
      secretctl.services.app.secrets.key = { };
    };
    says = [ "more than one place: key:/etc/key, key:/run/secrets/credentials/app/key" ];
  };
  credential-that-is-overridden = {
    module = alpha {
      systemd.services.app.serviceConfig = lib.mkForce { ExecStart = "/bin/app"; };
      secretctl.services.app.secrets.key = { };
    };
    says = [
      "systemd.services.\"app\".serviceConfig.LoadCredential: credential `key` of `secretctl` is overridden"
      "mkForce"
    ];
  };
  credential-of-the-system = {
    module = secret "any/token" { deliver = "credential"; };
    says = [ "a credential is for the unit of a service, and none is named" ];
  };
  early-credential = {
    module = secret "app/key" {
      service = "app";
      deliver = "credential";
      neededForUsers = true;
      owner = "root";
      group = "root";
    };
    says = [ "units with credentials start long after users are created" ];
  };
  broker = {
    module = secret "app/key" {
      service = "app";
      deliver = "broker";
    };
    says = [ "this version has no broker" ];
  };

  one-path-twice = {
    module = alpha {
      secretctl.secrets."any/token".path = "/etc/token";
      secretctl.secrets.copy = {
        secret = "any/token";
        path = "/etc/token";
      };
    };
    says = [ "/etc/token is the path of secretctl.secrets.\"any/token\" and of secretctl.secrets.\"copy\"" ];
  };
  link-where-everybody-writes = {
    module = secret "any/token" { path = "/tmp/token"; };
    says = [ "secretctl.secrets.\"any/token\".path: everybody may change `/tmp`" ];
  };
  one-place-twice = {
    module = alpha {
      secretctl.secrets.copy.secret = "any/token";
      secretctl.secrets."any/token".path = "/run/secrets/copy";
    };
    says = [ "/run/secrets/copy is the place of secretctl.secrets.\"any/token\" and of secretctl.secrets.\"copy\"" ];
  };
  file-and-folder = {
    module = alpha {
      secretctl.secrets.any.secret = "any/token";
      secretctl.secrets."any/token" = { };
    };
    says = [
      "secretctl.secrets.\"any/token\": `/run/secrets/any` would be its folder, and is the file of secretctl.secrets.\"any\""
    ];
  };
  folder-of-templates = {
    module = secret "rendered/x" { secret = "any/token"; };
    says = [ "secretctl.secrets.\"rendered/x\": `/run/secrets/rendered` is the folder of templates" ];
  };
  name-that-is-no-file = {
    module = alpha {
      secretctl.secrets."../x".secret = "any/token";
      secretctl.templates."a b".content = "";
    };
    says = [
      "secretctl.secrets.\"../x\": `../x` cannot be the name of a file"
      "secretctl.templates.\"a b\": `rendered/a b` cannot be the name of a file"
    ];
  };
  link-in-a-folder-that-is-read-only = {
    module = alpha {
      services.userborn.enable = true;
      system.etc.overlay = {
        enable = true;
        mutable = false;
      };
      secretctl.secrets."any/token".path = "/etc/token";
    };
    says = [ "secretctl.secrets.\"any/token\".path: `/etc/token` cannot be made" "environment.etc" ];
  };
  placeholder-of-what-is-not-granted = {
    module = alpha ({ config, ... }: {
      secretctl.templates.x.content = config.secretctl.placeholder.silent;
    });
    says = [ "secretctl.templates.\"x\": host `alpha` may not read secret `silent`" ];
  };
  template-elsewhere-below-the-link = {
    module = alpha {
      secretctl.templates.x = {
        content = "";
        path = "/run/secrets/x";
      };
    };
    says = [ "templates land below `/run/secrets/rendered`" ];
  };

  no-trusted-key = {
    module = alpha {
      secretctl.trustedKeys = lib.mkForce [ ];
      secretctl.secrets."any/token" = { };
    };
    says = [
      "nobody may sign the manifest of this host"
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB9dG4kjRhQTtWTVzd2t27+t0DEHBPW7iOD23TUiYLio"
    ];
  };
  no-fleet = {
    module = alpha { secretctl.fleet = lib.mkForce ./.; };
    says = [ "there is no `secretctl.toml`" ];
  };
  host-without-a-name = {
    module = alpha { networking.hostName = lib.mkForce ""; };
    says = [ "secretctl.host: this host has no name" ];
  };
  unknown-host = {
    module = alpha { secretctl.host = "alfa"; };
    says = [
      "the fleet has no host `alfa`; it has alpha, beta, delta, gamma"
      "secretctl host add alfa --ssh ADDRESS"
    ];
  };
  host-without-a-sealed-tree = {
    module = alpha { secretctl.host = "gamma"; };
    says = [ "host `gamma` has no sealed tree" ];
  };
  revoked-host = {
    module = alpha {
      secretctl.host = "delta";
      secretctl.secrets."any/token" = { };
    };
    says = [ "host `delta` is revoked, so nothing is sealed for it" ];
  };
}
