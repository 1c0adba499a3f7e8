# Secrets on NixOS.
{
  lib,
  config,
  options,
  ...
}:

let
  inherit (lib) mkOption types;
  cfg = config.secretctl;
  kinds = import ../common/types.nix {
    inherit lib;
    manager = "systemd";
  };
  shared = import ../../lib { inherit lib; };
  others = import ./others.nix { inherit config options; };

  volatile = shared.volatile { inherit (cfg.platform) fileSystems volatilePaths; };

  hostKeys =
    if config.services.openssh.enable then
      map (key: key.path) (
        lib.filter (
          key:
          builtins.elem key.type [
            "ed25519"
            "rsa"
          ]
        ) config.services.openssh.hostKeys
      )
    else
      [ "/etc/ssh/ssh_host_ed25519_key" ];

  lasting = lib.filter (path: !volatile.volatile path) hostKeys;

  defaults = config: {
    host = {
      default = config.networking.hostName;
      defaultText = lib.literalExpression "config.networking.hostName";
    };
    identities = {
      # A wiped key is kept in the list when there is no other, for the message that names it.
      default = if lasting != [ ] then lasting else hostKeys;
      defaultText = lib.literalMD "the ssh host keys (ed25519, rsa) that a reboot leaves in place";
    };
    mount.default = "/run/secretctl.d";
    link = {
      # Two tools on one link would hide each other's files.
      default = if others.sopsNix.runs then "/run/secretctl-files" else "/run/secrets";
      defaultText = lib.literalMD "`/run/secrets`, or `/run/secretctl-files` while sops-nix has secrets on this host";
    };
    state.default = "/var/lib/secretctl";
    runtime.default = "/run/secretctl";
  };
in
{
  imports = [
    (import ../common/options.nix { inherit defaults; })
    ./platform.nix
    ./units.nix
    ./users.nix
    ./refusals.nix
    ./services.nix
    ./compat.nix
  ];

  options.secretctl = {
    volatilePaths = mkOption {
      type = types.listOf kinds.privatePath;
      default = [ ];
      example = [ "/" ];
      description = ''
        Folders that a boot empties though they are on a disk, such as a root that is rolled back. Folders on tmpfs are known
        without this.
      '';
    };
    planOnDryActivate = mkOption {
      type = types.bool;
      default = false;
      description = ''
        Whether `nixos-rebuild dry-activate` prints the plan. It takes an activation script, which NixOS is about to give up;
        `secretctl-host plan --system` needs none.
      '';
    };
  };

}
