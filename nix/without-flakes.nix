# What the flake gives, for one set of packages.
{ pkgs }:
import ./modules.nix
// {
  packages = import ./packages.nix { inherit pkgs; };
  overlay = import ./overlay.nix;
  lib = import ./lib { inherit (pkgs) lib; };
}
