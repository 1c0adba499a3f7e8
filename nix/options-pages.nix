# The pages of options in docs/reference, by platform.
{ lib, pkgs }:
let
  page =
    module: title:
    import ./options-page.nix {
      inherit
        lib
        pkgs
        module
        title
        ;
    };
in
{
  nixos = page ./modules/nixos "Options on NixOS";
  home = page ./modules/home "Options of home-manager";
  darwin = page ./modules/darwin "Options on macOS";
}
