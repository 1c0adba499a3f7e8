# Users, groups, units and services that are not there, or not in time.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha secret;
in
{
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
}
