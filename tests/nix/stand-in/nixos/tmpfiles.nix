# Files and folders that systemd makes at boot.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.systemd.tmpfiles;
  part =
    default:
    mkOption {
      type = types.str;
      inherit default;
    };
  entry =
    { name, ... }:
    {
      options = {
        type = part name;
        mode = part "-";
        user = part "-";
        group = part "-";
        age = part "-";
        argument = part "";
      };
    };
  line =
    path: entry:
    "'${entry.type}' '${path}' '${entry.mode}' '${entry.user}' '${entry.group}' '${entry.age}' ${entry.argument}";
  file = paths: lib.concatLines (lib.concatLists (lib.mapAttrsToList (path: types: map (line path) (lib.attrValues types)) paths));
in
{
  options.systemd.tmpfiles = {
    rules = mkOption {
      type = types.listOf types.str;
      default = [ ];
    };
    settings = mkOption {
      type = types.attrsOf (types.attrsOf (types.attrsOf (types.submodule entry)));
      default = { };
    };
  };
  config.environment.etc = {
    "tmpfiles.d/00-nixos.conf".text = lib.concatLines cfg.rules;
  }
  // lib.mapAttrs' (name: paths: lib.nameValuePair "tmpfiles.d/${name}.conf" { text = file paths; }) cfg.settings;
}
