# File systems.
{ lib, config, ... }:
let
  inherit (lib) mkOption types;
  entry =
    { name, ... }:
    {
      options = {
        enable = lib.mkEnableOption "the mount" // {
          default = true;
        };
        mountPoint = mkOption {
          type = types.str;
          default = name;
        };
        device = mkOption {
          type = types.nullOr types.nonEmptyStr;
          default = null;
        };
        label = mkOption {
          type = types.nullOr types.nonEmptyStr;
          default = null;
        };
        fsType = mkOption {
          type = types.nonEmptyStr;
          default = "auto";
        };
        options = mkOption {
          type = types.listOf types.nonEmptyStr;
          default = [ "defaults" ];
        };
        depends = mkOption {
          type = types.listOf types.nonEmptyStr;
          default = [ ];
        };
        neededForBoot = mkOption {
          type = types.bool;
          default = false;
        };
        noCheck = mkOption {
          type = types.bool;
          default = false;
        };
      };
    };
in
{
  options = {
    fileSystems = mkOption {
      type = types.attrsOf (types.submodule entry);
      default = { };
    };
    swapDevices = mkOption {
      type = types.listOf types.attrs;
      default = [ ];
    };
    boot.tmp.useTmpfs = lib.mkEnableOption "a /tmp in memory";
    boot.initrd.systemd.enable = lib.mkEnableOption "systemd in the first stage";
    boot.initrd.secrets = mkOption {
      type = types.attrsOf (types.nullOr types.path);
      default = { };
    };
  };
}
