# The outputs of the flake.
{ self, nixpkgs }:

let
  inherit (nixpkgs) lib;

  systems = [
    "x86_64-linux"
    "aarch64-linux"
    "aarch64-darwin"
    "x86_64-darwin"
  ];
  forSystems = make: lib.genAttrs systems (system: make nixpkgs.legacyPackages.${system});
in
import ./modules.nix
// {
  packages = forSystems (pkgs: import ./packages.nix { inherit pkgs; });
  overlays.default = import ./overlay.nix;
  lib = import ./lib { inherit lib; };
  devShells = forSystems (pkgs: { default = import ./shell.nix { inherit pkgs; }; });
  formatter = forSystems (pkgs: pkgs.nixfmt-rfc-style or pkgs.nixfmt);
  checks = forSystems (pkgs: import ./checks { inherit self pkgs; });
  templates = rec {
    default = fleet;
    fleet = {
      path = ./templates/fleet;
      description = "Two NixOS hosts whose secrets secretctl keeps";
      welcomeText = builtins.readFile ./templates/fleet/README.md;
    };
  };
}
