# Options of sops-nix as its manual names them, for repositories that tests make. Nothing of it installs anything.
{ lib, config, ... }:

let
  inherit (lib) mkOption types;
  cfg = config.sops;

  placed =
    folder:
    { name, config, ... }:
    {
      options = {
        name = mkOption {
          type = types.str;
          default = name;
        };
        path = mkOption {
          type = types.str;
          default = "${folder config}/${config.name}";
        };
        mode = mkOption {
          type = types.str;
          default = "0400";
        };
        owner = mkOption {
          type = types.str;
          default = "root";
        };
        group = mkOption {
          type = types.str;
          default = "root";
        };
        restartUnits = mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
        reloadUnits = mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
      };
    };

  secret =
    { name, ... }:
    {
      imports = [
        (placed (config: if config.neededForUsers then "/run/secrets-for-users" else "/run/secrets"))
      ];
      options = {
        key = mkOption {
          type = types.str;
          default = name;
        };
        sopsFile = mkOption {
          type = types.path;
          default = cfg.defaultSopsFile;
        };
        format = mkOption {
          type = types.str;
          default = "yaml";
        };
        neededForUsers = mkOption {
          type = types.bool;
          default = false;
        };
      };
    };

  template = {
    imports = [ (placed (_: "/run/secrets/rendered")) ];
    options.content = mkOption {
      type = types.str;
      default = "";
    };
  };

  sops = {
    options = {
      defaultSopsFile = mkOption { type = types.path; };
      secrets = mkOption {
        type = types.attrsOf (types.submodule secret);
        default = { };
      };
      templates = mkOption {
        type = types.attrsOf (types.submodule template);
        default = { };
      };
      placeholder = mkOption {
        type = types.attrsOf types.str;
        default = lib.mapAttrs (name: _: "<SOPS:${builtins.hashString "sha256" name}:PLACEHOLDER>") cfg.secrets;
      };
    };
  };
in
{
  options = {
    sops = mkOption {
      type = types.submodule sops;
      default = { };
    };
    home-manager.users = mkOption {
      type = types.attrsOf (types.submodule { options.sops = mkOption { type = types.submodule sops; }; });
      default = { };
    };
    networking.hostName = mkOption { type = types.str; };
    nixpkgs.hostPlatform = mkOption { type = types.attrsOf types.str; };
    systemd.services = mkOption {
      type = types.attrsOf types.attrs;
      default = { };
    };
  };
}
