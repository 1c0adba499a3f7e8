# What two tools for secrets would fight over.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha;
  tools = import ../others.nix { inherit lib; };
  beside =
    tool: module:
    alpha {
      imports = [
        tool
        module
      ];
    };
in
{
  link-of-sops-nix = {
    module = beside tools.sopsNix {
      sops.secrets.old = { };
      secretctl.link = "/run/secrets";
    };
    says = [
      "secretctl.link: `/run/secrets` is the folder of sops-nix, which still has secrets here"
      "Leave `secretctl.link` out"
    ];
  };
  link-of-sops-nix-with-a-template-alone = {
    module = beside tools.sopsNix {
      sops.templates.old = { };
      secretctl.link = "/run/secrets";
    };
    says = [ "secretctl.link: `/run/secrets` is the folder of sops-nix" ];
  };
  path-in-the-folder-of-sops-nix = {
    module = beside tools.sopsNix {
      sops.secrets.old = { };
      secretctl.secrets."any/token".path = "/run/secrets/token";
      secretctl.templates.env = {
        content = "";
        path = "/run/secrets/rendered/env";
      };
    };
    says = [
      "secretctl.secrets.\"any/token\".path: `/run/secrets/token` lies in the folder of sops-nix"
      "Read it from `config.secretctl.secrets.\"any/token\".path`"
      "secretctl.templates.\"env\".path: `/run/secrets/rendered/env` lies in the folder of sops-nix"
    ];
  };
  one-path-for-two-tools = {
    module = beside tools.sopsNix {
      sops.secrets.old.path = "/etc/token";
      secretctl.secrets."any/token".path = "/etc/token";
    };
    says = [
      "/etc/token is the path of secretctl.secrets.\"any/token\" and of sops.secrets.\"old\""
      "Take `sops.secrets.\"old\"` away"
    ];
  };
  paths-of-sops-nix-while-it-runs = {
    module = beside tools.sopsNix {
      sops.secrets.old = { };
      sops.secrets.older = { };
      secretctl.compat.sopsNix = true;
    };
    says = [ "secretctl.compat.sopsNix: sops-nix still has secrets here, and owns /run/secrets: old, older." ];
  };
  paths-of-agenix-while-it-runs = {
    module = beside tools.agenix {
      age.secrets.old = { };
      secretctl.compat.agenix = true;
    };
    says = [
      "secretctl.compat.agenix: agenix still has secrets here, and owns /run/agenix: old."
      "set `age.secretsDir = \"/run/agenix.old\"`"
    ];
  };
  link-and-path-in-the-folder-of-agenix = {
    module = beside tools.agenix {
      age.secrets.old = { };
      age.secretsDir = "/run/keys-of-age";
      secretctl.link = "/run/keys-of-age";
    };
    says = [ "secretctl.link: `/run/keys-of-age` is the folder of agenix" ];
  };
  path-in-the-folder-of-agenix = {
    module = beside tools.agenix {
      age.secrets.old = { };
      secretctl.secrets."any/token".path = "/run/agenix/token";
    };
    says = [ "secretctl.secrets.\"any/token\".path: `/run/agenix/token` lies in the folder of agenix" ];
  };
}
