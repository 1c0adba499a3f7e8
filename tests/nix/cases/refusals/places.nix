# Files that cannot lie there.
{ lib }:

let
  inherit (import ../shared.nix { inherit lib; }) alpha secret;
in
{
  private-key-in-a-template = {
    module = alpha {
      secretctl.templates.x.content = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
    };
    says = [ "the text holds a private key, and it would lie in the Nix store" ];
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
    says = [ "secretctl.secrets.\"any/token\".path: everybody may write to `/tmp`" ];
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
  template-elsewhere-below-the-link = {
    module = alpha {
      secretctl.templates.x = {
        content = "";
        path = "/run/secrets/x";
      };
    };
    says = [ "templates land below `/run/secrets/rendered`" ];
  };
}
