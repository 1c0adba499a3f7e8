# What policy does not grant, with the rule.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha secret;
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
  granted-below-the-host = {
    module = secret "app/own" { service = "app"; };
    says = [
      "`alpha/app/own` is granted to `app`, and `app/own` is not"
      "set `secret = \"alpha/app/own\"`"
    ];
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
  placeholder-of-what-is-not-granted = {
    module = alpha ({ config, ... }: {
      secretctl.templates.x.content = config.secretctl.placeholder.silent;
    });
    says = [ "secretctl.templates.\"x\": host `alpha` may not read secret `silent`" ];
  };
}
