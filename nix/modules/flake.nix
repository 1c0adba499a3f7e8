# For flake-parts: the fleet's own check, and the program beside it.
{ lib, config, ... }:

let
  cfg = config.secretctl;
in
{
  options.secretctl = {
    fleet = lib.mkOption {
      type = lib.types.nullOr lib.types.path;
      default = null;
      example = lib.literalExpression "./.";
      description = "The fleet repository. With it, `checks` has `secretctl check`, which needs no key.";
    };
  };

  config.perSystem =
    { pkgs, ... }:
    let
      programs = import ../packages.nix { inherit pkgs; };
    in
    {
      packages = {
        inherit (programs) secretctl secretctl-host;
      };
      checks = lib.optionalAttrs (cfg.fleet != null) {
        secretctl = import ../checks/fleet.nix {
          inherit pkgs;
          inherit (cfg) fleet;
          inherit (programs) secretctl;
        };
      };
    };
}
