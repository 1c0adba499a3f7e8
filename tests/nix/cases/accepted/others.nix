# Beside other tools, secret by secret, and after them.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha request;
  tools = import ../others.nix { inherit lib; };
  beside =
    tool: module:
    alpha {
      imports = [
        tool
        module
      ];
      secretctl.secrets.token.secret = "any/token";
      secretctl.templates.env.content = "";
    };
  gives = config: {
    inherit (request config) link;
    path = config.secretctl.secrets.token.path;
    template = config.secretctl.templates.env.path;
    links = lib.mapAttrs (_: entry: entry."L+".argument) (
      config.systemd.tmpfiles.settings.secretctl-compat or { }
    );
  };
  at = link: links: {
    inherit link links;
    path = "${link}/token";
    template = "${link}/rendered/env";
  };
in
{
  sops-nix-has-the-link-as-long-as-it-has-secrets = {
    module = beside tools.sopsNix { sops.secrets.old = { }; };
    inherit gives;
    expected = at "/run/secretctl-files" { };
  };
  the-link-is-ours-when-the-last-secret-has-moved = {
    module = beside tools.sopsNix { };
    inherit gives;
    expected = at "/run/secrets" { };
  };
  every-path-of-sops-nix-is-ours-afterwards = {
    module = beside tools.sopsNix { secretctl.compat.sopsNix = true; };
    inherit gives;
    expected = at "/run/secrets" { "/run/secrets-for-users" = "/run/secrets"; };
  };
  paths-of-sops-nix-lead-to-a-link-elsewhere = {
    module = beside tools.sopsNix {
      secretctl.compat.sopsNix = true;
      secretctl.link = "/run/mine";
    };
    inherit gives;
    expected = at "/run/mine" {
      "/run/secrets" = "/run/mine";
      "/run/secrets-for-users" = "/run/mine";
    };
  };
  agenix-and-we-do-not-meet = {
    module = beside tools.agenix { age.secrets.old = { }; };
    inherit gives;
    expected = at "/run/secrets" { };
  };
  paths-of-agenix-afterwards = {
    module = beside tools.agenix { secretctl.compat.agenix = true; };
    inherit gives;
    expected = at "/run/secrets" { "/run/agenix" = "/run/secrets"; };
  };
  paths-of-agenix-while-it-has-another-folder = {
    module = beside tools.agenix {
      age.secrets.old = { };
      age.secretsDir = "/run/agenix.old";
      secretctl.compat.agenix = true;
    };
    inherit gives;
    expected = at "/run/secrets" { "/run/agenix" = "/run/secrets"; };
  };
}
