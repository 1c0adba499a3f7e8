# Users, activation scripts and the whole system.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  failed = map (x: x.message) (lib.filter (x: !x.assertion) config.assertions);
  warned = lib.flip (lib.foldr lib.warn) config.warnings;
  maybe =
    type:
    mkOption {
      type = types.nullOr type;
      default = null;
    };

  account =
    number:
    { name, ... }:
    {
      options = {
        name = mkOption {
          type = types.nonEmptyStr;
          default = name;
        };
        ${number} = mkOption { type = types.int; };
        description = mkOption {
          type = types.nullOr types.nonEmptyStr;
          default = null;
        };
      };
    };
  user.options = {
    gid = mkOption {
      type = types.int;
      default = 20;
    };
    home = maybe types.path;
    isHidden = mkOption {
      type = types.bool;
      default = false;
    };
    createHome = mkOption {
      type = types.bool;
      default = false;
    };
  };
  group.options.members = mkOption {
    type = types.listOf types.str;
    default = [ ];
  };
  script =
    { ... }:
    {
      options = {
        enable = mkOption {
          type = types.bool;
          default = true;
        };
        text = mkOption {
          type = types.lines;
          default = "";
        };
      };
    };

  # nix-darwin runs these and no others; scripts of another name are only there to be named by them.
  order = [
    "preActivation"
    "checks"
    "extraActivation"
    "etc"
    "users"
    "launchd"
    "postActivation"
  ];
  scripts = config.system.activationScripts;
  activate = lib.concatMapStrings (name: "# ${name}\n${scripts.${name}.text}\n") order;
in
{
  options = {
    users.users = mkOption {
      type = types.attrsOf (
        types.submodule {
          imports = [
            (account "uid")
            user
          ];
        }
      );
      default = { };
    };
    users.groups = mkOption {
      type = types.attrsOf (
        types.submodule {
          imports = [
            (account "gid")
            group
          ];
        }
      );
      default = { };
    };
    users.knownUsers = mkOption {
      type = types.listOf types.str;
      default = [ ];
    };
    users.knownGroups = mkOption {
      type = types.listOf types.str;
      default = [ ];
    };
    system.activationScripts = mkOption {
      type = types.attrsOf (types.submodule script);
      default = { };
    };
    system.primaryUser = maybe types.str;
    system.stateVersion = mkOption {
      type = types.ints.between 1 6;
      default = 6;
    };
    system.checks.verifyNixPath = mkOption {
      type = types.bool;
      default = true;
    };
    services.openssh.enable = maybe types.bool;
  };

  config = {
    system.activationScripts = lib.genAttrs order (_: { });
    system.build.toplevel =
      if failed != [ ] then
        throw "\nFailed assertions:\n${lib.concatMapStringsSep "\n" (message: "- ${message}") failed}"
      else
        warned (
          pkgs.linkFarm "darwin-system-${config.networking.hostName}" {
            activate = pkgs.writeShellScript "activate" activate;
            "Library/LaunchDaemons" = pkgs.linkFarm "launch-daemons" (
              lib.mapAttrs (name: file: pkgs.writeText name file.text) config.environment.launchDaemons
            );
            etc = "${config.system.build.etc}/etc";
          }
        );
  };
}
