# For those without flakes: `(import ./secretctl { inherit pkgs; }).nixosModules.default`.
{
  pkgs ? import <nixpkgs> { },
}:
import ./nix/without-flakes.nix { inherit pkgs; }
