# Users and groups.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.users;
  text = types.passwdEntry types.str;
  optional = type: mkOption {
    type = types.nullOr type;
    default = null;
  };
  flag = mkOption {
    type = types.bool;
    default = false;
  };

  user =
    { name, config, ... }:
    {
      options = {
        name = mkOption {
          type = text;
          default = name;
        };
        enable = flag // { default = true; };
        description = mkOption {
          type = text;
          default = "";
        };
        uid = optional types.int;
        isSystemUser = flag;
        isNormalUser = flag;
        group = mkOption {
          type = types.str;
          default = "";
        };
        extraGroups = mkOption {
          type = types.listOf types.str;
          default = [ ];
        };
        home = mkOption {
          type = types.passwdEntry types.path;
          default = "/var/empty";
        };
        createHome = flag;
        shell = mkOption {
          type = types.nullOr (types.either types.shellPackage (types.passwdEntry types.path));
          default = pkgs.shadow;
        };
        hashedPassword = optional text;
        password = optional types.str;
        hashedPasswordFile = optional types.str;
        initialHashedPassword = optional text;
        initialPassword = optional types.str;
        linger = optional types.bool;
        packages = mkOption {
          type = types.listOf types.package;
          default = [ ];
        };
        openssh.authorizedKeys.keys = mkOption {
          type = types.listOf types.singleLineStr;
          default = [ ];
        };
      };
      config = lib.mkIf config.isNormalUser {
        group = lib.mkDefault "users";
        createHome = lib.mkDefault true;
        home = lib.mkDefault "/home/${config.name}";
      };
    };

  group =
    { name, ... }:
    {
      options = {
        name = mkOption {
          type = text;
          default = name;
        };
        gid = optional types.int;
        members = mkOption {
          type = types.listOf text;
          default = [ ];
        };
      };
    };
in
{
  options = {
    users.mutableUsers = flag // { default = true; };
    users.users = mkOption {
      type = types.attrsOf (types.submodule user);
      default = { };
    };
    users.groups = mkOption {
      type = types.attrsOf (types.submodule group);
      default = { };
    };
    systemd.sysusers.enable = lib.mkEnableOption "the creation of users by systemd";
  };

  config = {
    users.users = {
      root = {
        uid = 0;
        group = "root";
        home = "/root";
      };
      nobody = {
        uid = 65534;
        isSystemUser = true;
        group = "nogroup";
      };
    };
    users.groups = {
      root.gid = 0;
      wheel.gid = 1;
      keys.gid = 96;
      users.gid = 100;
      nogroup.gid = 65534;
    };
    assertions =
      lib.concatMap (user: [
        {
          assertion = user.name == "root" || user.isSystemUser != user.isNormalUser;
          message = "Exactly one of users.users.${user.name}.isSystemUser and users.users.${user.name}.isNormalUser must be set.";
        }
        {
          assertion = user.group != "";
          message = "users.users.${user.name}.group is unset. This used to default to nogroup, but this is unsafe.";
        }
      ]) (lib.attrValues cfg.users)
      ++ [
        {
          assertion = !(config.systemd.sysusers.enable && config.services.userborn.enable);
          message = "You cannot use systemd-sysusers and Userborn at the same time";
        }
        {
          assertion = config.systemd.sysusers.enable -> config.system.activationScripts.users.text == "";
          message = "users are created twice";
        }
      ];
  };
}
