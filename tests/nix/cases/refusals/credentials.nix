# Credentials that no unit could have.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha secret;
in
{
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
}
