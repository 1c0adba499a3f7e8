# What the module system itself must refuse, since the type of the option says so, or because two modules disagree.
{ }:

let
  alpha = module: { imports = [ ./alpha.nix module ]; };
in
{
  identity-as-a-nix-path = {
    module = alpha { secretctl.identities = [ ./alpha.nix ]; };
    says = [
      "secretctl.identities"
      "absolute path outside the Nix store, as a string"
    ];
  };
  identity-in-the-store = {
    module = alpha { secretctl.identities = [ "/nix/store/00000000000000000000000000000000-key" ]; };
    says = [ "absolute path outside the Nix store, as a string" ];
  };
  path-in-the-store = {
    module = alpha { secretctl.secrets."any/token".path = "/nix/store/00000000000000000000000000000000-x/token"; };
    says = [ "secretctl.secrets.\"any/token\".path" ];
  };
  set-uid-mode = {
    module = alpha { secretctl.secrets."any/token".mode = "4755"; };
    says = [
      "secretctl.secrets.\"any/token\".mode"
      "file mode in octal"
    ];
  };
  unit-without-its-kind = {
    module = alpha { secretctl.secrets."any/token".restartUnits = [ "app" ]; };
    says = [ "full name of a unit" ];
  };
  name-that-climbs = {
    module = alpha { secretctl.secrets.x.secret = "../other"; };
    says = [ "name of a secret" ];
  };
  key-that-cannot-sign = {
    module = alpha { secretctl.trustedKeys = [ "ssh-rsa AAAA" ]; };
    says = [ "secretctl.trustedKeys" ];
  };
  key-with-a-second-line = {
    module = alpha { secretctl.trustedKeys = [ "ssh-ed25519 AAAA\nssh-ed25519 BBBB\n" ]; };
    says = [ "ed25519 public key in one line" ];
  };
  misspelt-option = {
    module = alpha { secretctl.secrets."any/token".restartUnit = "app.service"; };
    says = [ "restartUnit' does not exist" ];
  };
  two-modules-with-two-owners = {
    module.imports = [
      ./alpha.nix
      ./owner-app.nix
      ./owner-root.nix
    ];
    says = [
      "secretctl.secrets.\"any/token\".owner"
      "owner-app.nix"
      "owner-root.nix"
    ];
  };
  two-modules-with-two-texts = {
    module.imports = [
      ./alpha.nix
      ./owner-app.nix
      ./mode-0440.nix
      ./mode-0444.nix
    ];
    says = [
      "secretctl.secrets.\"any/token\".mode"
      "mode-0440.nix"
      "mode-0444.nix"
    ];
  };
  two-modules-with-two-templates = {
    module.imports = [
      ./alpha.nix
      { secretctl.templates.x.content = "A=1\n"; }
      { secretctl.templates.x.content = "B=2\n"; }
    ];
    says = [ "secretctl.templates.x.content" "conflicting definition values" ];
  };
}
