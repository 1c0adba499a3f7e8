# Where the packages come from.
{ lib, config, ... }:
let
  inherit (lib) mkOption types;
  cfg = config.nixpkgs;
in
{
  options.nixpkgs = {
    hostPlatform = mkOption {
      type = types.either types.str types.attrs;
      default = "x86_64-linux";
    };
    buildPlatform = mkOption {
      type = types.either types.str types.attrs;
      default = cfg.hostPlatform;
    };
    overlays = mkOption {
      type = types.listOf types.raw;
      default = [ ];
    };
    config = mkOption {
      type = types.attrs;
      default = { };
    };
    pkgs = mkOption { type = types.raw; };
    arguments = mkOption {
      type = types.attrsOf types.raw;
      default = { };
      internal = true;
    };
  };
  config = {
    nixpkgs.pkgs = lib.mkOptionDefault (
      import ../pkgs.nix (
        cfg.arguments
        // {
          localSystem = cfg.buildPlatform;
          crossSystem = cfg.hostPlatform;
          inherit (cfg) overlays config;
        }
      )
    );
    _module.args = {
      inherit (cfg) pkgs;
      utils = import ./utils.nix { inherit lib; };
    };
  };
}
