# The user, the home and its activation.
{
  lib,
  config,
  pkgs,
  ...
}:
let
  inherit (lib) mkOption types;
  cfg = config.home;
  names = mkOption {
    type = types.listOf types.str;
    default = [ ];
  };
  step =
    types.coercedTo types.str lib.hm.dag.entryAnywhere (
      types.submodule {
        options = {
          data = mkOption { type = types.str; };
          before = names;
          after = names;
        };
      }
    );
in
{
  options.home = {
    username = mkOption { type = types.str; };
    homeDirectory = mkOption { type = types.path; };
    stateVersion = mkOption {
      type = types.str;
      default = "26.11";
    };
    packages = mkOption {
      type = types.listOf types.package;
      default = [ ];
    };
    sessionVariables = mkOption {
      type = types.lazyAttrsOf (types.nullOr (types.oneOf [ types.str types.path types.int types.float ]));
      default = { };
    };
    activation = mkOption {
      type = types.attrsOf step;
      default = { };
    };
    activationPackage = mkOption {
      type = types.package;
      internal = true;
    };
    path = mkOption {
      type = types.package;
      internal = true;
    };
  };

  config.home = {
    activation = {
      writeBoundary = "";
      linkGeneration = lib.hm.dag.entryAfter [ "writeBoundary" ] "";
    };
    path = pkgs.buildEnv {
      name = "home-manager-path";
      paths = cfg.packages;
    };
    activationPackage = pkgs.runCommand "home-manager-generation" {
      script = lib.concatMapStrings (name: ''
        _iNote "Activating %s" "${name}"
        ${cfg.activation.${name}.data}
      '') (lib.hm.dag.sorted cfg.activation);
      passAsFile = [ "script" ];
      files = config.home-files;
      path = cfg.path;
    } ''
      mkdir $out
      cp "$scriptPath" $out/activate
      chmod +x $out/activate
      ln -s $files $out/home-files
      ln -s $path $out/home-path
    '';
  };
}
