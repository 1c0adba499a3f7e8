# Folders of the user, and files in them.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  home = config.home.homeDirectory;
  below = path: lib.removePrefix "${home}/" path;

  file =
    { name, config, ... }:
    {
      options = {
        enable = mkOption {
          type = types.bool;
          default = true;
        };
        target = mkOption {
          type = types.str;
          default = name;
        };
        text = mkOption {
          type = types.nullOr types.lines;
          default = null;
        };
        source = mkOption { type = types.path; };
        executable = mkOption {
          type = types.nullOr types.bool;
          default = null;
        };
      };
      config.source = lib.mkIf (config.text != null) (
        lib.mkDefault (pkgs.writeText "hm_${baseNameOf name}" config.text)
      );
    };
  files = mkOption {
    type = types.attrsOf (types.submodule file);
    default = { };
  };
  folder =
    default:
    mkOption {
      type = types.path;
      default = "${home}/${default}";
    };
  moved =
    folder:
    lib.mapAttrs' (
      _: file:
      lib.nameValuePair "${below folder}/${file.target}" {
        inherit (file) enable;
        source = lib.mkDefault file.source;
      }
    );
in
{
  options = {
    home.file = files;
    home-files = mkOption {
      type = types.package;
      internal = true;
    };
    xdg = {
      enable = lib.mkEnableOption "the folders of the XDG specification";
      cacheHome = folder ".cache";
      configHome = folder ".config";
      dataHome = folder ".local/share";
      stateHome = folder ".local/state";
      configFile = files;
      dataFile = files;
    };
  };
  config = {
    home.file = lib.mkMerge [
      (moved config.xdg.configHome config.xdg.configFile)
      (moved config.xdg.dataHome config.xdg.dataFile)
    ];
    home-files = pkgs.linkFarm "home-manager-files" (
      map (file: {
        name = file.target;
        path = file.source;
      }) (lib.filter (file: file.enable) (lib.attrValues config.home.file))
    );
  };
}
