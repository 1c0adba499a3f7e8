# Evaluates NixOS, home-manager and macOS configurations with our modules, over the stand-in or over real checkouts.
{
  # A folder with checkouts of nixpkgs.lib and others, or null.
  checkouts ? null,
  system ? "x86_64-linux",
  # Options of the stand-in for packages, such as `programs`.
  packages ? { },
}:

let
  standIn = ./stand-in;
  lib = if checkouts == null then import (standIn + "/lib") else import (checkouts + "/nixpkgs.lib/lib");
  modules = import ../../nix/modules.nix;
in
rec {
  inherit lib;

  nixos =
    extra:
    import (standIn + "/nixos") {
      inherit lib system packages;
      modules = [ modules.nixosModules.default ] ++ extra;
    };
}
